import type { Socket } from "node:net";

import type { Session } from "../../../src/http2/index.ts";
import type { RecordingSession } from "./events.ts";

/** Runs a session on a socket, in the plainest way: output leaves at the end of the turn, unless the socket is full. */
export function onSocket(session: Session, recording: RecordingSession, socket: Socket): void {
  let scheduled = false;
  const flush = (): void => {
    scheduled = false;
    while (!socket.destroyed && !socket.writableNeedDrain) {
      const parts = session.takeOutput();
      if (parts.length === 0) break;
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
    }
    if (session.closed && session.outputLength === 0) socket.end();
  };
  recording.flush = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };
  recording.onClosed = (fault): void => {
    recording.closed = true;
    recording.fault = fault;
    recording.flush();
  };
  socket.setNoDelay(true);
  socket
    .on("drain", flush)
    .on("data", (bytes: Buffer) => session.receive(bytes))
    .on("end", () => {
      session.disconnected();
      socket.end();
    })
    .on("error", () => {})
    .on("close", () => session.disconnected());
}
