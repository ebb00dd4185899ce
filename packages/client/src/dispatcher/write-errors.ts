import type { Socket } from "node:net";
import type { Writable } from "node:stream";

type WriteDone = (error?: Error | null) => void;

/**
 * Keeps a socket readable after a write has failed. Node destroys a socket on EPIPE or ECONNRESET, and with it the
 * answer that a server sent before it closed: a 413 to an upload that it will not read (nodejs/node#54366). Here the
 * failure goes to `onError` once, the socket takes no more, and the reader decides when it is over. Gives a function
 * that makes it a socket like any other again.
 */
export function surviveWriteErrors(socket: Socket, onError: (error: Error) => void): () => void {
  // These two are what a Writable is implemented by, so wrapping them catches every way of writing.
  const writable: Pick<Writable, "_write" | "_writev"> = socket;
  const write = writable._write;
  const writev = writable._writev;
  let surviving = true;
  // Node gives the same callback for every write.
  let last: { readonly done: WriteDone; readonly surviving: WriteDone } | undefined;
  const survive = (done: WriteDone): WriteDone => {
    if (last?.done !== done) last = { done, surviving: survivor(done) };
    return last.surviving;
  };
  const survivor = (done: WriteDone): WriteDone => {
    return (error) => {
      // Not calling back holds all later writes; destroying the socket lets go of them.
      if (!surviving || error === null || error === undefined) done(error);
      else onError(error);
    };
  };
  writable._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, survive(done));
  if (writev) writable._writev = (chunks, done) => writev.call(socket, chunks, survive(done));
  return () => {
    surviving = false;
  };
}
