/** How the content of a message is delimited in HTTP/1.1. */
export type Framing = "none" | "length" | "chunked" | "until-close";

/** What requests and responses have in common. Field lines are written as on the wire, `Name: value`. */
interface Message {
  /** The header's field lines, without those that frame the message and without `Host`. */
  readonly fields: readonly string[];
  /** The content, in the pieces in which it is sent: with `chunked` each is a chunk. */
  readonly content: readonly string[];
  readonly framing: Framing;
  /** The field lines behind the content. `Trailer`, where a case wants it, stands among `fields`. */
  readonly trailers: readonly string[];
  readonly version: "1.0" | "1.1";
}

/** A request as a case describes it: what it means, so that it can be said in any version of HTTP. */
export interface RequestMessage extends Message {
  readonly method: string;
  readonly target: string;
  readonly host: string;
}

/** A response as a case describes it. */
export interface ResponseMessage extends Message {
  readonly status: number;
  readonly reason: string;
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
}

/** The host that clients ask for. */
export const HOST = "conformance.example";

/** Where a raw message wants the field by which the origin tells which case it belongs to. */
export const CASE = "{case}";

/** A request; a GET of `/` without content unless told otherwise. */
export function request(init: RequestInit = {}): RequestMessage {
  const common = message(init, "none");
  const method = init.method ?? (common.framing === "none" ? "GET" : "POST");
  return { ...common, method, target: init.target ?? "/", host: init.host ?? HOST };
}

/** A response; 200 without content, of length 0, unless told otherwise. */
export function response(init: ResponseInit = {}): ResponseMessage {
  const { status = 200 } = init;
  const bare = status < 200 || status === 204 || status === 304;
  return { ...message(init, bare ? "none" : "length"), status, reason: init.reason ?? "Reason" };
}

/** The message as it stands on the wire of HTTP/1.1, as latin1 text. `id` is its case. */
export function http1Text(given: RequestMessage | ResponseMessage | string, id: string): string {
  if (typeof given === "string") return given.replaceAll(CASE, `X-Case: ${id}`);
  const start =
    "method" in given
      ? [`${given.method} ${given.target} HTTP/${given.version}`, `Host: ${given.host}`, `X-Case: ${id}`]
      : [`HTTP/${given.version} ${given.status} ${given.reason}`];
  const { content, framing, trailers } = given;
  const lines = [...start, ...given.fields, ...framingLines(given)];
  const body = framing === "chunked" ? [...content.map(chunk), "0\r\n", ...trailers.map(line), "\r\n"] : content;
  return `${lines.map(line).join("")}\r\n${body.join("")}`;
}

/** One chunk, as it stands on the wire. */
function chunk(data: string): string {
  return `${data.length.toString(16)}\r\n${data}\r\n`;
}

function framingLines({ framing, content }: Message): string[] {
  if (framing === "chunked") return ["Transfer-Encoding: chunked"];
  return framing === "length" ? [`Content-Length: ${content.join("").length}`] : [];
}

function message(init: MessageInit, without: Framing): Message {
  const { fields = [], content = [], trailers = [], version = "1.1" } = init;
  const usual = trailers.length > 0 ? "chunked" : init.content === undefined ? without : "length";
  return { fields, content: [content].flat(), framing: init.framing ?? usual, trailers, version };
}

function line(text: string): string {
  return `${text}\r\n`;
}
