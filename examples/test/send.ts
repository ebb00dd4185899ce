import { createHash } from "node:crypto";
import { once } from "node:events";
import { request as http1Request } from "node:http";
import { connect, constants, type IncomingHttpHeaders } from "node:http2";
import { text } from "node:stream/consumers";

/** The version of HTTP that an example is asked over. */
export type Protocol = "HTTP/1.1" | "HTTP/2";

/** A request of a test. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly trailers?: Readonly<Record<string, string>>;
  /** Called when the body is in transit, before its end. The connection is cut after it. */
  readonly cut?: () => Promise<void>;
}

/** What came back; nothing after a cut. */
export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The digest of content, as a field says it. */
export function contentDigest(content: string): string {
  return `sha-256=:${createHash("sha256").update(content).digest("base64")}:`;
}

/** Sends a request and reads the response. */
export function send(protocol: Protocol, origin: string, sent: Sent): Promise<Received | undefined> {
  return protocol === "HTTP/2" ? sendHttp2(origin, sent) : sendHttp1(origin, sent);
}

async function sendHttp1(
  origin: string,
  { method, path, headers, body, trailers, cut }: Sent,
): Promise<Received | undefined> {
  const req = http1Request(`${origin}${path}`, { method, headers: { ...headers, Connection: "close" } });
  if (trailers !== undefined) req.setHeader("Trailer", Object.keys(trailers).join(", "));
  const response = once(req, "response");
  response.catch(() => {});
  if (body !== undefined) req.write(body);
  if (cut !== undefined) {
    await cut();
    req.destroy();
    return undefined;
  }
  if (trailers !== undefined) req.addTrailers(trailers);
  req.end();
  const [res] = await response;
  return { status: res.statusCode, headers: res.headers, body: await text(res) };
}

async function sendHttp2(
  origin: string,
  { method, path, headers, body, trailers, cut }: Sent,
): Promise<Received | undefined> {
  const session = connect(origin);
  try {
    const stream = session.request(
      { ":method": method, ":path": path, ...headers, ...(trailers && { trailer: Object.keys(trailers).join(", ") }) },
      { endStream: body === undefined, waitForTrailers: trailers !== undefined },
    );
    stream.on("wantTrailers", () => stream.sendTrailers(trailers ?? {}));
    stream.on("error", () => {});
    const response = once(stream, "response");
    response.catch(() => {});
    if (body !== undefined) stream.write(body);
    if (cut !== undefined) {
      await cut();
      stream.close(constants.NGHTTP2_CANCEL);
      return undefined;
    }
    stream.end();
    const [fields] = await response;
    return { status: fields[":status"], headers: fields, body: await text(stream) };
  } finally {
    session.close();
  }
}
