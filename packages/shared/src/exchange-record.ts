import type { TrailsumError } from "./errors.ts";
import type { Verdict } from "./verdict.ts";

/**
 * How the digests of content reached its receiver: in the trailer section, in the header section, or by a request to an
 * upload resource that holds the content.
 */
export type DeliveryMode = "trailers" | "header" | "two-step";

/**
 * One exchange of a server or a proxy: a request and its outcome. The same object is given to hooks, to subscribers
 * of the diagnostics channels, and to the log. It holds no credentials: no field values but `traceparent` and a request id,
 * no user information, and no values of a query.
 */
export interface ExchangeRecord {
  /** What answered. */
  readonly by: "server" | "proxy";
  /** `X-Request-Id` of the request, if it is short and plain; otherwise an id that is unique in this process. */
  readonly id: string;
  /** When the head of the request was read. */
  readonly time: Date;
  /** The address of the peer, which may be a proxy. */
  readonly remoteAddress: string | undefined;
  /** The method, as received. */
  readonly method: string;
  /** The request target. The values in its query are replaced, and user information is left out. */
  readonly target: string;
  /** The version of HTTP that the client speaks. */
  readonly httpVersion: "1.0" | "1.1" | "2.0";
  /** Whether it speaks TLS. */
  readonly protocol: "http" | "https";
  /** The `traceparent` of the request (W3C Trace Context), if it is well-formed. */
  readonly traceparent: string | undefined;
  /** The status that the client was given; undefined if it was given none, or not yet. */
  readonly status: number | undefined;
  /** Bytes of content that came from the client, without framing. */
  readonly received: number;
  /** Bytes of content that were given to its connection, without framing. */
  readonly sent: number;
  /** Milliseconds from the head of the request to the end of its response. */
  readonly duration: number;
  /** The verdict on the content of the request; undefined if it was not verified or did not arrive whole. */
  readonly requestVerdict: Verdict | undefined;
  /** The verdict on the content of the response, likewise. Only a proxy has one. */
  readonly responseVerdict: Verdict | undefined;
  /** How the digests of the request reached this server or proxy; undefined if none were checked. */
  readonly mode: DeliveryMode | undefined;
  /** The origin that a proxy asked last. */
  readonly origin: string | undefined;
  /** The path under which a server stored an object, or removed one. */
  readonly path: string | undefined;
  /** Whether nothing was stored under that path before. */
  readonly created: boolean | undefined;
  /** Why it failed or was refused; undefined if it was not. */
  readonly error: TrailsumError | undefined;
}

/** How the digests that held, or did not, reached the receiver of content; undefined without digests. */
export function deliveryMode({ checked }: Verdict): Exclude<DeliveryMode, "two-step"> | undefined {
  if (checked.length === 0) return undefined;
  return checked.some(({ section }) => section === "trailer") ? "trailers" : "header";
}
