import type { TrailerAgentOptions } from "@trailsum/client";
import type { InboundRequest } from "@trailsum/http/inbound";
import type { ExchangeRecord, SignatureKey, TrailerSelection, TrailsumError } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import type { FailureResponse } from "./failure.ts";
import type { ForwardedStyle } from "./request/forwarded-fields.ts";
import type { OutboundRequest } from "./request/outbound-request.ts";
import type { ProxyResponse } from "./response/proxy-response.ts";
import type { Balance, HealthOptions } from "./upstream/upstreams.ts";
import type { S3VerifyOptions } from "./s3/s3-admission.ts";
import type { VerificationMode } from "./verification.ts";

/** Options of `createReverseProxy`. */
export interface ReverseProxyOptions {
  /**
   * Where requests go: one URL or several, with an optional path and query, which are prepended to those of the request. A
   * path is a fence: a request whose own path has a `..` segment, in any spelling that some server decodes, is answered
   * with 400.
   */
  readonly target: string | URL | readonly (string | URL)[];
  /**
   * The path that the proxy is mounted at, such as `/api`: it is cut off each request's path, and a request for anything
   * else is answered with 404. Routers (Express) cut it off themselves, but an `upgrade` event comes by no router: with
   * this, WebSockets and other requests go to the same place. Default: nothing is cut off but by a router.
   */
  readonly mountPath?: string | undefined;
  /** How one of several targets is chosen. Default `round-robin`. */
  readonly balance?: Balance | undefined;
  /** When one of several targets is left out. */
  readonly health?: HealthOptions | undefined;
  /**
   * Changes the request that goes out. It runs after all fields for this hop have been removed, so that no client
   * can undo it, and what it adds is sent. `in` is the request as it came and does not change.
   */
  readonly rewrite?: ((exchange: { in: InboundRequest; out: OutboundRequest }) => void | Promise<void>) | undefined;
  /**
   * Changes the response that goes back, after hop-by-hop fields were removed. It sees 101 too. When it throws, the
   * origin's response is given up and `errorHandler` answers, by default with 502 or the status of a `TrailsumError`.
   */
  readonly modifyResponse?: ((response: ProxyResponse, request: InboundRequest) => void | Promise<void>) | undefined;
  /**
   * Decides the response when there is none to forward. Default: a problem document with the error's status, or
   * a gRPC status where gRPC was asked for. When it throws, the exchange is aborted without an answer.
   */
  readonly errorHandler?:
    | ((error: TrailsumError, request: InboundRequest) => FailureResponse | Promise<FailureResponse>)
    | undefined;
  /**
   * The undici `Dispatcher` that reaches the origin. Default: its own `TrailerAgent`, created with `agent`. undici's
   * own can send no trailers: those of requests are neither announced nor sent then, a 100 comes from the proxy and not
   * from the origin, and an origin that answers an upgrade with anything but 101 is a failure.
   */
  readonly dispatcher?: Dispatcher | undefined;
  /**
   * How much of a request's content is kept, in bytes, until an origin answers. A request that an origin certainly did not
   * process (HTTP/2: GOAWAY or REFUSED_STREAM, RFC 9113 section 8.7) is sent again while its content so far fits; beyond
   * that an HTTP/2 client gets the REFUSED_STREAM that lets it retry, and an HTTP/1.1 client 503. 0 keeps nothing.
   * @default 65,536
   */
  readonly replayBuffer?: number | undefined;
  /** Options of that `TrailerAgent`: TLS to the origin, timeouts, limits. */
  readonly agent?: TrailerAgentOptions | undefined;
  /**
   * Which trailers of requests go on. They come after routing and authentication have run, and a client writes its own
   * `Trailer`: only an allow-list is forwarded by default, the integrity fields, `Signature`, `Signature-Input` and for gRPC its
   * own. After content of a known length (HTTP/2) those that the request does not announce are left out, so that the
   * origin gets the length, unless `all` or a list asks for them.
   * @default "integrity"
   */
  readonly requestTrailers?: TrailerSelection | undefined;
  /** Which trailers of responses go on. Default `all`: gRPC does not announce its own. */
  readonly responseTrailers?: TrailerSelection | undefined;
  /** The most bytes in a trailer section, either way. More is an error. Default 16,384. */
  readonly maxTrailerSize?: number | undefined;
  /** The most field lines in one. Default 128. */
  readonly maxTrailerFields?: number | undefined;
  /**
   * Whether a query that parsers read differently is rewritten before `rewrite` sees it (CVE-2022-2880): one with a `;`, a
   * `%` that begins no escape, or more than 10,000 parameters is parsed, its bad pairs are left out, and the rest is
   * escaped again, sorted by key. Otherwise path and query are forwarded byte for byte.
   * @default false
   */
  readonly cleanQuery?: boolean | undefined;
  /** What is done about digests of content that passes, either way. Default `off`. */
  readonly verify?: VerificationMode | undefined;
  /**
   * Keys that uploads must be signed with (RFC 9421), as `parseSignatureKeys` of `@trailsum/shared` reads them: every request with
   * content, and PUT, POST and PATCH without. Content is verified, and aborted before its end if its digest or its signature
   * does not hold; others are answered with 400. The path is that which the client asked for. Uploads in several requests are
   * refused, because the first of them cannot be signed.
   * @default signatures are forwarded, and not looked at
   */
  readonly signatureKeys?: readonly SignatureKey[] | undefined;
  /**
   * Shields an S3 store that does not verify what S3 clients send: requests must be signed with this key (SigV4), content is verified
   * on its way by what its client sends with it, in the header or after it (`aws-chunked`), and never reaches the store as a
   * whole if it differs. The store gets plain requests, signed again with the same key; errors are answered as S3 does, in XML.
   * Mount it at the root: a signature covers the whole path.
   * @default requests are forwarded as they are
   */
  readonly s3Verify?: S3VerifyOptions | undefined;
  /**
   * Which `Host` the origin sees: its own (`target`) or the one that the client asked for (`inbound`).
   * @default "target"
   */
  readonly hostHeader?: "target" | "inbound" | undefined;
  /**
   * The earlier name of `hostHeader`, which takes precedence.
   * @deprecated
   */
  readonly host?: "target" | "inbound" | undefined;
  /**
   * Which fields describe the client to the origin.
   * @default "x-forwarded"
   */
  readonly forwarded?: ForwardedStyle | undefined;
  /**
   * Whether forwarding fields that a client sends are believed: never, always, or from some addresses. Those of a client
   * that is not believed are all removed: `Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `True-Client-IP`, `Client-Cert` and
   * the like. Spelled with `_`, as in `X_Forwarded_For`, they are removed in any case.
   * @default false
   */
  readonly trustForwarded?: boolean | ((address: string) => boolean) | undefined;
  /**
   * How long nothing may move in a tunnel of which one side has ended, until both are closed. Milliseconds; 0 for no
   * limit.
   * @default 10,000
   */
  readonly halfCloseTimeout?: number | undefined;
  /**
   * The name of this proxy in `Via` (RFC 9110 section 7.6.3) and `Proxy-Status` (RFC 9209): a host name or a token. A
   * request whose `Via` has it already is a loop and is answered with 508, so no other proxy on the path may use it.
   * @default `trailsum-` and random digits, different for every proxy
   */
  readonly via?: string | undefined;
  /** Called once for every exchange when it has ended: for a tunnel when it is closed. What it throws is ignored. */
  readonly onExchange?: ((record: ExchangeRecord) => void | Promise<void>) | undefined;
}
