import { once } from "node:events";
import { lstat, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";

import type { ListenAddress } from "./listen-address.ts";

/**
 * Starts to listen. The file of a Unix domain socket that no process listens on is replaced: bind(2) would refuse it, and
 * a process that was killed leaves one. Node removes the file when the server closes.
 */
export async function bind(server: Server, address: ListenAddress): Promise<void> {
  try {
    await listening(server, address);
  } catch (error) {
    if (!("path" in address) || !hasCode(error, "EADDRINUSE") || !(await isStaleSocket(address.path))) throw error;
    await unlink(address.path);
    await listening(server, address);
  }
}

async function listening(server: Server, address: ListenAddress): Promise<void> {
  server.listen(address);
  await once(server, "listening");
}

/** Whether a path names a socket, and no process accepts connections there. Any doubt counts against it. */
async function isStaleSocket(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false;
  const socket = connect({ path });
  try {
    await once(socket, "connect");
    return false;
  } catch (error) {
    return hasCode(error, "ECONNREFUSED");
  } finally {
    socket.destroy();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
