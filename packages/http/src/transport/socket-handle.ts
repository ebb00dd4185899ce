import type { Socket } from "node:net";

import { isTlsSocket } from "./is-tls-socket.ts";

/** What a socket of Node reads by. Only what is used here. */
interface StreamHandle {
  /** Called after each read, and at the end. It returns the buffer for the next read, if that changes. */
  onread: (...values: unknown[]) => unknown;
  readonly bytesRead: number;
  reading: boolean;
  readStop(): number;
  useUserBuffer(buffer: Buffer): void;
}

/** The parts of a socket that are not in its type. */
interface SocketParts {
  readonly _handle?: Partial<StreamHandle> | null;
  _unrefTimer?(): void;
}

/** Takes what is read. */
export interface ReadTarget {
  /** The buffer for the next read. */
  readonly next: Buffer;
  /** So many bytes are in that buffer. False when the socket should not be read for now. */
  onRead(length: number): boolean;
}

/**
 * Has a socket read into buffers of `target`, as the `onread` option of `net.connect` does, which sockets of a server cannot be given.
 * False where that is not possible: Windows reads ahead, TLS has buffers of its own, and other streams have no handle. The end and the
 * errors of the socket go their usual way.
 */
export function readInto(socket: Socket, target: ReadTarget): boolean {
  const { _handle: handle } = socket as SocketParts;
  if (process.platform === "win32" || isTlsSocket(socket) || !isStreamHandle(handle)) return false;
  const onOther = handle.onread;
  let before = handle.bytesRead;
  let current = target.next;
  handle.useUserBuffer(current);
  handle.onread = (...values) => {
    const length = handle.bytesRead - before;
    before = handle.bytesRead;
    if (length === 0) return onOther.apply(handle, values);
    if (socket.destroyed) return undefined;
    (socket as SocketParts)._unrefTimer?.();
    if (!target.onRead(length)) {
      handle.reading = false;
      if (!socket.destroyed) handle.readStop();
    }
    if (current === target.next) return undefined;
    current = target.next;
    return current;
  };
  return true;
}

function isStreamHandle(handle: SocketParts["_handle"]): handle is StreamHandle {
  return (
    typeof handle?.useUserBuffer === "function" &&
    typeof handle.onread === "function" &&
    typeof handle.bytesRead === "number"
  );
}
