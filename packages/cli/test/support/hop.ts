import { connect, createServer, type Socket } from "node:net";

import { listen, parseMessage } from "@trailsum/testkit";

/** How a hop ends both of its connections. */
type Ending = "close" | "reset";

/** What a hop does to the bytes of one connection. */
interface HopPlan {
  /** Changes a whole request before it is forwarded: it is held until its last byte has come. */
  readonly edit?: (request: string) => string;
  /** Changes each piece of a request as it passes. */
  readonly rewrite?: (piece: string) => string;
  /** Lets so many bytes of the request pass and then ends both connections. */
  readonly cutRequest?: number;
  /** The same with the response. */
  readonly cutResponse?: number;
  /** Reads next to nothing of the request until `release`, so that its sender has to wait. */
  readonly hold?: boolean;
  /** How they are ended. Default: `close`. */
  readonly ending?: Ending;
}

/** A hop between a client and a server, that works on bytes and knows next to nothing of HTTP. */
export interface Hop {
  readonly origin: string;
  /** What it does from the next connection on; nothing, to begin with. */
  plan: HopPlan;
  /** Lets a request pass that is held. */
  release(): void;
  /** What passed on the last connection. */
  readonly request: () => Buffer;
  readonly response: () => Buffer;
}

/** Starts a hop to the server at `target`. Ends with the test. Text is latin1, byte for byte. */
export async function startHop(target: string): Promise<Hop> {
  let request: Buffer[] = [];
  let response: Buffer[] = [];
  let held: Socket | undefined;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    request = [];
    response = [];
    if (hop.plan.hold === true) held = client;
    relay(client, connect({ host: "127.0.0.1", port: Number(new URL(target).port), allowHalfOpen: true }), hop.plan, {
      request,
      response,
    });
  });
  const { origin } = await listen(server);
  const hop: Hop = {
    origin,
    plan: {},
    release() {
      const client = held;
      held = undefined;
      client?.resume();
    },
    request: () => Buffer.concat(request),
    response: () => Buffer.concat(response),
  };
  return hop;
}

function relay(client: Socket, server: Socket, plan: HopPlan, seen: { request: Buffer[]; response: Buffer[] }): void {
  const end = (): void => {
    if (plan.ending === "reset") {
      server.resetAndDestroy();
      client.resetAndDestroy();
      return;
    }
    // A socket that is destroyed with bytes to read, such as an interim response, resets the connection. The server would
    // lose what has passed and it has not read yet.
    server.end();
    client.destroy();
  };
  client.on("error", end).on("close", end);
  server.on("error", end).on("close", () => client.destroy());

  const toServer = cutting(server, plan.cutRequest, end);
  const toClient = cutting(client, plan.cutResponse, end);
  client.on("data", (piece: Buffer) => {
    // After its first piece: the hold ends when someone resumes.
    if (plan.hold === true && seen.request.length === 0) client.pause();
    seen.request.push(piece);
    if (plan.edit === undefined) return toServer(rewritten(piece, plan.rewrite));
    const whole = Buffer.concat(seen.request);
    if (parseMessage(whole).complete) toServer(rewritten(whole, plan.edit));
  });
  server.on("data", (piece: Buffer) => {
    seen.response.push(piece);
    toClient(piece);
  });
  client.on("end", () => server.end());
  server.on("end", () => client.end());
}

function rewritten(piece: Buffer, change: (text: string) => string = (text) => text): Buffer {
  return Buffer.from(change(piece.toString("latin1")), "latin1");
}

/** Writes to a socket up to a number of bytes, and then calls `end`. */
function cutting(socket: Socket, limit = Number.POSITIVE_INFINITY, end: () => void): (piece: Buffer) => void {
  let left = limit;
  return (piece) => {
    if (left <= 0) return;
    const part = piece.subarray(0, left);
    left -= part.length;
    // Only when the system has taken them: what a reset overtakes is lost.
    socket.write(part, () => {
      if (left <= 0) end();
    });
  };
}
