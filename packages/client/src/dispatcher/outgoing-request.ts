import { type ParsedUrlQueryInput, stringify } from "node:querystring";

import { isToken, listMembers, sameFieldName } from "@trailsum/shared";
import { type Dispatcher, errors } from "undici";

import { type RequestBody, requestBody } from "./request-body.ts";
import { type FieldsInit, rawFields } from "./request-fields.ts";
import { checkedTrailers, type TrailersInit } from "./request-trailers.ts";

/** What `dispatch` of a `TrailerAgent` takes: undici's options, and the trailers that undici cannot send. */
export interface TrailerDispatchOptions extends Omit<Dispatcher.DispatchOptions, "body" | "headers"> {
  /** The body: what undici takes, and streams and iterables of other kinds. */
  body?: unknown;
  /** The header fields, in any form that undici takes. */
  headers?: unknown;
  /**
   * The trailer fields of the request, or a function that is called after the last byte of the body and gives them.
   * A `Trailer` header field announces their names (RFC 9110 section 6.6.2): it is added where fields are given and no
   * function. They need a body of any length, an empty one too, and make it chunked on HTTP/1.1 and of untold length on
   * HTTP/2. A name that may be no trailer is an error and cuts the request off.
   */
  trailers?: TrailersInit | undefined;
  /**
   * Whether `body`, an iterable, gives the same content from its start whenever it is iterated. Then it is sent again
   * where a body in memory would be: when a kept connection closes without any answer and the request is idempotent, or
   * when a server has refused it unprocessed. `trailers` is called again then, too. Default false.
   */
  rereadable?: boolean | undefined;
  /**
   * Whether the handler reads fields from `controller.rawHeaders` and `rawTrailers` alone: the objects that it is given
   * are empty then, and nothing is spent on making them. Default false.
   */
  rawFields?: boolean | undefined;
  /**
   * Whether the rest of the body is still sent when a successful response has ended before the request has, until the server resets the
   * stream: a proxy does not know what the rest is for. Over HTTP/1.1, and otherwise, sending stops at the end of the response. Default
   * false.
   */
  finishRequest?: boolean | undefined;
  /**
   * Called with each part of the body when the system has taken it and the agent does not use its memory any more: the caller may then
   * fill it again. Not all of the body comes back: none of a request that fails, and not what is sent last.
   */
  onBodyReleased?: ((piece: Uint8Array) => void) | undefined;
  /** The name that TLS asks for and checks, where it is not the origin's host: undici's `dns` interceptor sets it. */
  servername?: string | null;
}

/** A validated request, ready to be sent. */
export interface OutgoingRequest {
  readonly method: string;
  /** The request target: path and query, or `host:port` for CONNECT. */
  readonly target: string;
  /** Field lines: name, value, ... without those that frame the message or belong to the connection. */
  readonly raw: string[];
  readonly host: string | undefined;
  readonly body: RequestBody;
  /** Whether sending it twice does what sending it once does (RFC 9110 section 9.2.2). */
  readonly idempotent: boolean;
  /** The number of bytes of the body, where it is known. */
  readonly length: number | undefined;
  readonly trailers: TrailersInit | undefined;
  /** The protocol to switch to, or `CONNECT`. */
  readonly upgrade: string | undefined;
  /** Whether the body waits for a 100. */
  readonly expectContinue: boolean;
  /** Whether the connection is to be closed afterwards. */
  readonly close: boolean;
  readonly headersTimeout: number | undefined;
  readonly bodyTimeout: number | undefined;
  /** Whether the handler takes raw field lines instead of objects. */
  readonly rawFields: boolean;
  /** Whether the body is sent completely after the response has ended. */
  readonly finishRequest: boolean;
  /** Called with a piece of the body that is not used any more. */
  readonly onBodyReleased: ((piece: Uint8Array) => void) | undefined;
}

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** Checks the options of a dispatch. Throws undici's `InvalidArgumentError` for what cannot be sent. */
export function outgoingRequest(options: TrailerDispatchOptions): OutgoingRequest {
  const { method } = options;
  if (typeof method !== "string" || !isToken(method)) throw new errors.InvalidArgumentError("invalid request method");
  const upgrade = method === "CONNECT" ? "CONNECT" : upgradeProtocol(options.upgrade);
  const fields = separate(rawFields(options.headers));
  const body = requestBody(options.body, flag("rereadable", options.rereadable));
  if (body.kind === "iterable" && body.type !== undefined && !hasField(fields.raw, "content-type"))
    fields.raw.push(...rawFields(["content-type", body.type]));
  const trailers = body.kind === "none" && !expectsContent(method) ? undefined : knownTrailers(options.trailers);
  return {
    method,
    target: requestTarget(options),
    raw: withTrailerField(fields.raw, trailers),
    host: fields.host,
    body,
    idempotent: options.idempotent ?? IDEMPOTENT.has(method),
    length: bodyLength(body, fields.length),
    trailers,
    upgrade,
    expectContinue: flag("expectContinue", options.expectContinue) || fields.expectContinue,
    // A server that sends content after a HEAD would answer the next request with it (nodejs/undici#258).
    close: flag("reset", options.reset ?? method === "HEAD") || fields.close,
    headersTimeout: timeout("headersTimeout", options.headersTimeout),
    bodyTimeout: timeout("bodyTimeout", options.bodyTimeout),
    rawFields: options.rawFields === true,
    finishRequest: options.finishRequest === true,
    onBodyReleased: callback("onBodyReleased", options.onBodyReleased),
  };
}

/**
 * Adds a header field to a request that has not been sent. Throws undici's `InvalidArgumentError` for what is not allowed
 * in a field line, and for fields that frame the message.
 */
export function addField({ raw }: OutgoingRequest, name: string, value: unknown): void {
  const added = rawFields([name, value]);
  if (separate(added).raw.length !== added.length) throw new errors.InvalidArgumentError(`invalid ${name} header`);
  raw.push(...added);
}

interface SeparatedFields {
  readonly raw: string[];
  host?: string;
  length?: number;
  close: boolean;
  expectContinue: boolean;
}

/** Removes the fields about framing and the connection: each connection writes its own. */
function separate(all: readonly string[]): SeparatedFields {
  const fields: SeparatedFields = { raw: [], close: false, expectContinue: false };
  for (let at = 0; at < all.length; at += 2) {
    const name = all[at]!;
    const value = all[at + 1]!;
    switch (name.toLowerCase()) {
      case "host":
        if (fields.host !== undefined) throw new errors.InvalidArgumentError("duplicate host header");
        fields.host = value;
        break;
      case "content-length":
        if (fields.length !== undefined) throw new errors.InvalidArgumentError("duplicate content-length header");
        if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(Number(value)))
          throw new errors.InvalidArgumentError("invalid content-length header");
        fields.length = Number(value);
        break;
      case "transfer-encoding":
        // Chunked is what a body of unknown length gets anyway; nothing else can be sent.
        if (value.toLowerCase() !== "chunked")
          throw new errors.InvalidArgumentError("invalid transfer-encoding header");
        break;
      case "connection":
        for (const option of listMembers(value)) {
          if (!isToken(option)) throw new errors.InvalidArgumentError("invalid connection header");
          if (option.toLowerCase() === "close") fields.close = true;
        }
        break;
      case "expect":
        if (value.toLowerCase() !== "100-continue")
          throw new errors.NotSupportedError("only Expect: 100-continue can be sent");
        fields.expectContinue = true;
        break;
      case "keep-alive":
      case "upgrade":
        throw new errors.InvalidArgumentError(`invalid ${name} header`);
      default:
        fields.raw.push(name, value);
    }
  }
  return fields;
}

/** What is given is read once, here: it could be an iterator, and it could be wrong. */
function knownTrailers(trailers: TrailersInit | undefined): string[] | Exclude<TrailersInit, FieldsInit> | undefined {
  return trailers === undefined || typeof trailers === "function" ? trailers : checkedTrailers(trailers);
}

/** Announces the trailers that will follow, as far as they are known, and no others (RFC 9110 section 6.6.2). */
function withTrailerField(raw: string[], trailers: ReturnType<typeof knownTrailers>): string[] {
  if (typeof trailers === "function") return raw;
  const others = hasField(raw, "trailer") ? withoutField(raw, "trailer") : raw;
  if (trailers === undefined || trailers.length === 0) return others;
  const names = trailers.filter((_, at) => at % 2 === 0);
  return [...others, "Trailer", [...new Set(names)].join(", ")];
}

function requestTarget({ path, method, query }: TrailerDispatchOptions): string {
  if (typeof path !== "string") throw new errors.InvalidArgumentError("path must be a string");
  if (
    !path.startsWith("/") &&
    !/^https?:\/\//.test(path) &&
    method !== "CONNECT" &&
    !(path === "*" && method === "OPTIONS")
  ) {
    throw new errors.InvalidArgumentError("path must be an absolute URL or start with a slash");
  }
  if (!/^[\x21-\xff]+$/.test(path)) throw new errors.InvalidArgumentError("invalid request path");
  return query ? withQuery(path, query) : path;
}

function withQuery(path: string, query: Record<string, unknown>): string {
  if (path.includes("?") || path.includes("#")) {
    throw new errors.InvalidArgumentError('Query params cannot be passed when url already contains "?" or "#".');
  }
  // Not URLSearchParams, which writes a space as a plus: what a caller moves here from undici stays the same URL.
  const text = stringify(query as ParsedUrlQueryInput);
  return text === "" ? path : `${path}?${text}`;
}

function upgradeProtocol(upgrade: TrailerDispatchOptions["upgrade"]): string | undefined {
  if (!upgrade) return undefined;
  const protocol = upgrade === true ? "Websocket" : upgrade;
  if (typeof protocol !== "string" || !/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(protocol))
    throw new errors.InvalidArgumentError("invalid upgrade header");
  return protocol;
}

function bodyLength(body: RequestBody, declared: number | undefined): number | undefined {
  const known = knownLength(body);
  if (known !== undefined && declared !== undefined && known !== declared) {
    throw new errors.RequestContentLengthMismatchError();
  }
  return known ?? declared;
}

function knownLength(body: RequestBody): number | undefined {
  switch (body.kind) {
    case "none":
      return 0;
    case "bytes":
      return body.bytes.byteLength;
    case "iterable":
      return body.length;
    default:
      return undefined;
  }
}

/** Methods whose requests have a meaning for content, those of WebDAV and QUERY included. */
const WITH_CONTENT: ReadonlySet<string> = new Set(["PUT", "POST", "PATCH", "QUERY", "PROPFIND", "PROPPATCH"]);

/** Whether a body that is not given is an empty one, whose length is sent (RFC 9110 section 8.6). */
export function expectsContent(method: string): boolean {
  return WITH_CONTENT.has(method);
}

function flag(name: string, value: boolean | null | undefined): boolean {
  if (value === null || value === undefined || typeof value === "boolean") return value === true;
  throw new errors.InvalidArgumentError(`invalid ${name}`);
}

function callback<Callback>(name: string, value: Callback): Callback {
  if (value !== undefined && typeof value !== "function") throw new errors.InvalidArgumentError(`invalid ${name}`);
  return value;
}

function timeout(name: string, value: number | null | undefined): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (!Number.isFinite(value) || value < 0) throw new errors.InvalidArgumentError(`invalid ${name}`);
  return value;
}

function hasField(raw: readonly string[], name: string): boolean {
  return raw.some((text, at) => at % 2 === 0 && sameFieldName(text, name));
}

function withoutField(raw: readonly string[], name: string): string[] {
  return raw.filter((_, at) => !sameFieldName(raw[at - (at % 2)]!, name));
}
