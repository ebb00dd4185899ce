/**
 * How the content of a message is delimited: by its length; by a mark after it, so that trailers can follow (chunked in
 * HTTP/1.1, no `content-length` in HTTP/2); by the connection's end (HTTP/1 alone); or it has none.
 */
export type Framing = "none" | "length" | "chunked" | "until-close";

/** What requests and responses have in common. Field lines are written as on the wire, `Name: value`. */
interface Message {
  /** The header's field lines, without those that frame the message and without `Host`. */
  readonly fields: readonly string[];
  /** The content, in the pieces in which it is sent: chunks, or frames. */
  readonly content: readonly string[];
  readonly framing: Framing;
  /** The field lines after the content. `Trailer`, where a case wants it, is among `fields`. */
  readonly trailers: readonly string[];
  readonly version: "1.0" | "1.1";
}

/** A request as a case describes it: what it means, so that it can be said in any version of HTTP. */
export interface RequestMessage extends Message {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  /** The protocol to switch to: by Upgrade in HTTP/1.1 (RFC 6455), by extended CONNECT in HTTP/2 (RFC 8441). */
  readonly protocol: string | undefined;
}

/** A response as a case describes it. */
export interface ResponseMessage extends Message {
  readonly status: number;
  readonly reason: string;
  /** It agrees to switch: 101 in HTTP/1.1, 200 without an end in HTTP/2. */
  readonly switches: boolean;
  /**
   * Its sender reads no more of the request: `Connection: close` and the end of the connection in HTTP/1.1,
   * RST_STREAM with NO_ERROR after it in HTTP/2 (RFC 9113 section 8.1).
   */
  readonly closes: boolean;
}

/** Fields common to what `request` and `response` take; content without framing is chunked if trailers follow it. */
interface MessageInit {
  readonly fields?: readonly string[];
  readonly content?: string | readonly string[];
  readonly framing?: Framing;
  readonly trailers?: readonly string[];
  readonly version?: "1.0" | "1.1";
}

/** What `request` takes. */
export interface RequestInit extends MessageInit {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
}

/** What `response` takes. */
export interface ResponseInit extends MessageInit {
  readonly status?: number;
  readonly reason?: string;
  readonly closes?: boolean;
}

/** The host that clients ask for. */
export const HOST = "conformance.example";

/** Where a raw message wants the field by which the origin reports which case it belongs to. */
export const CASE = "{case}";

/** A request; a GET of `/` without content by default. */
export function request(init: RequestInit = {}): RequestMessage {
  const common = message(init, "none");
  const method = init.method ?? (common.framing === "none" ? "GET" : "POST");
  return { ...common, method, target: init.target ?? "/", host: init.host ?? HOST, protocol: undefined };
}

/** A response; 200 without content, of length 0 by default. */
export function response(init: ResponseInit = {}): ResponseMessage {
  const { status = 200, closes = false } = init;
  const bare = status < 200 || status === 204 || status === 304;
  const common = message(init, bare ? "none" : "length");
  return { ...common, status, reason: init.reason ?? "Reason", closes, switches: false };
}

/** A request for a WebSocket. */
export function websocket(init: Pick<RequestInit, "fields" | "target"> = {}): RequestMessage {
  return { ...request(init), protocol: "websocket" };
}

/** The answer that a WebSocket is open. */
export function switched(fields: readonly string[] = []): ResponseMessage {
  return { ...response({ status: 101, fields, reason: "Switching Protocols" }), switches: true };
}

function message(init: MessageInit, without: Framing): Message {
  const { fields = [], content = [], trailers = [], version = "1.1" } = init;
  const usual = trailers.length > 0 ? "chunked" : init.content === undefined ? without : "length";
  return { fields, content: [content].flat(), framing: init.framing ?? usual, trailers, version };
}
