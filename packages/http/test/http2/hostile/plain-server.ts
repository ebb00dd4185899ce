import { createServer, type Server } from "node:net";

import { ServerSession } from "../../../src/http2/index.ts";
import { fields, RecordingServer } from "../session/events.ts";
import { onSocket } from "../session/on-socket.ts";

/** A server of the core that answers every request with 200 once it is complete; `accepted` then receives the path of each PUT. */
export function plainServer(accepted: (name: string) => void): Server {
  return createServer((socket) => {
    const recording = new RecordingServer(({ stream, recording: call, seen }) => {
      void call.over.then(() => {
        recording.requests.splice(0);
        if (!seen.ended) return;
        if (seen.request!.method === "PUT") accepted(decodeURIComponent(seen.request!.path!.slice(1)));
        stream.respond(200, fields("content-type", "text/plain"));
        call.sendAll("answer", { trailers: fields("x-a", "1") });
      });
    });
    const session = new ServerSession(recording);
    recording.onGoaway = (): void => session.shutdown();
    onSocket(session, recording, socket);
    session.start();
  });
}
