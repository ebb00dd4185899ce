import { connect, createServer, type Socket } from "node:net";

import { listenOnLoopback, type Loopback } from "./loopback.ts";
import { MARKER } from "./pipe.ts";

/** What passes between the last hop of a path and the server, over HTTP/1.1 in cleartext. */
export interface LastMile extends Loopback {
  /** The requests that have reached the server: `PUT /it`. */
  readonly requests: readonly string[];
  /** How often it has flipped a bit. */
  readonly flips: number;
}

/** Settings of {@link startLastMile}. */
export interface LastMileOptions {
  /** Flip one bit of the content, each time that it passes. */
  readonly flip: boolean;
}

/** A relay of bytes to the server that notes each request, and flips a bit of its content if it is to. */
export async function startLastMile(serverPort: number, { flip }: LastMileOptions): Promise<LastMile> {
  const requests: string[] = [];
  let flips = 0;
  const loopback = await listenOnLoopback(
    createServer({ allowHalfOpen: true }, (client) => {
      const server = connect({ port: serverPort, host: "127.0.0.1", allowHalfOpen: true });
      const watch = requestWatch((line) => requests.push(line));
      relay(client, server, (piece) => {
        watch(piece);
        const at = flip ? piece.indexOf(MARKER) : -1;
        if (at === -1) return piece;
        flips += 1;
        const flipped = Buffer.from(piece);
        flipped[at] = piece[at]! ^ 1;
        return flipped;
      });
      relay(server, client, (piece) => piece);
    }),
  );
  return {
    ...loopback,
    requests,
    get flips() {
      return flips;
    },
  };
}

/** Passes on what `from` sends, as `change` makes it, at the pace of `to`, and its end. */
function relay(from: Socket, to: Socket, change: (piece: Buffer) => Buffer): void {
  from.on("data", (piece: Buffer) => {
    if (!to.write(change(piece))) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("end", () => to.end());
  from.on("error", () => to.destroy()).on("close", () => to.destroySoon());
}

/** Content with a length has no line end before the next request. */
const REQUEST_LINE = /((?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+) HTTP\/1\.[01]\r\n/g;
/** Longer than any request line here. */
const OVERLAP = 512;

/** Finds the request lines in what passes. The content has none. */
function requestWatch(found: (line: string) => void): (piece: Buffer) => void {
  let rest = "";
  return (piece) => {
    const text = rest + piece.toString("latin1");
    let end = 0;
    for (const match of text.matchAll(REQUEST_LINE)) {
      found(match[1]!);
      end = match.index + match[0].length;
    }
    rest = text.slice(Math.max(end, text.length - OVERLAP));
  };
}
