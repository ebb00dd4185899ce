import { type ParsedMessage, parseMessage, type RawConnection, rawServer } from "@trailsum/testkit";

import { type TrailerAgentOptions } from "../../src/index.ts";
import { trailerAgent } from "../agent/side-by-side.ts";
import { record, type RecordOptions, type Recording } from "./recording.ts";

/** What a request looked like on the wire, and what happens to it. */
export interface Sent {
  readonly message: ParsedMessage;
  readonly recording: Recording;
  /** Every byte that arrived, latin1. */
  readonly wire: string;
}

/** Sends a request to a server that reads it whole, or to the end of the connection, and answers with an empty 200. */
export async function send(options: RecordOptions, agentOptions: TrailerAgentOptions = {}): Promise<Sent> {
  const received = Promise.withResolvers<RawConnection>();
  const server = await rawServer(async (connection) => {
    await readMessage(connection);
    received.resolve(connection);
    if (!connection.ended) await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const { ended } = record(trailerAgent(agentOptions), server.origin, options);
  const [connection, recording] = await Promise.all([received.promise, ended]);
  // An error may close the connection after a message that is complete; what came then came before this.
  if (recording.error !== undefined) await connection.readToEnd();
  return { message: parseMessage(connection.received), recording, wire: connection.received.toString("latin1") };
}

/** Reads until a message is complete, or the connection has ended. */
export async function readMessage(connection: RawConnection): Promise<ParsedMessage> {
  for (;;) {
    const message = parseMessage(connection.received);
    if (message.complete || connection.ended) return message;
    await more(connection);
  }
}

function more({ socket }: RawConnection): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      for (const event of ["data", "end", "close"]) socket.off(event, wake);
      resolve();
    };
    for (const event of ["data", "end", "close"]) socket.on(event, wake);
  });
}

/** An async iterable of these pieces. */
export async function* iterable(...pieces: unknown[]): AsyncGenerator {
  for (const piece of pieces) {
    await Promise.resolve();
    yield piece;
  }
}
