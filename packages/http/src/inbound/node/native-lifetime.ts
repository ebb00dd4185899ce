import type { Http2Session, Http2Stream } from "node:http2";

/**
 * Keeps the native part of a session in memory until the native part of this stream is freed. Call it for every stream
 * that a peer can send fields on; a second time does nothing.
 *
 * A stream whose trailers are malformed (RFC 9113 section 8.1: without END_STREAM, say) keeps the field lines that
 * nghttp2 had parsed. They are in the session's memory, and `~Http2Session()` asserts that none is in use: where one
 * garbage collection frees the session before the stream, Node aborts the process (seen in 24.21).
 */
export function keepSessionForStream(session: Http2Session, stream: Http2Stream): void {
  const sessionHandle = nativeHandle(session);
  const streamHandle = nativeHandle(stream);
  if (sessionHandle !== undefined && streamHandle !== undefined) hold(sessionHandle, streamHandle);
  // A client's stream has none before the connection is made.
  else if (stream.pending) stream.once("ready", () => keepSessionForStream(session, stream));
}

/** How many streams keep each session. */
const kept = new Map<object, number>();

const freed = new FinalizationRegistry<object>((session) => {
  const streams = (kept.get(session) ?? 0) - 1;
  if (streams > 0) kept.set(session, streams);
  else kept.delete(session);
});

const held = new WeakSet<object>();

function hold(session: object, stream: object): void {
  if (held.has(stream)) return;
  held.add(stream);
  kept.set(session, (kept.get(session) ?? 0) + 1);
  freed.register(stream, session);
}

let kHandle: symbol | undefined;

/** What Node's object wraps, which is all that keeps the native part in memory. No documented property gives it. */
function nativeHandle(wrapper: object): object | undefined {
  kHandle ??= Object.getOwnPropertySymbols(wrapper).find(({ description }) => description === "kHandle");
  const handle: unknown = kHandle === undefined ? undefined : Reflect.get(wrapper, kHandle);
  return typeof handle === "object" && handle !== null ? handle : undefined;
}
