import type { Socket } from "node:net";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";

import { certificate, listen } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { agreedProtocol, type Protocol } from "../../src/dispatcher/connector.ts";
import { trailerAgent } from "../agent/side-by-side.ts";
import { content, record } from "./recording.ts";

/** What ends a connection: TLS with its `close_notify`, or someone on the way with a FIN alone. */
type End = "close_notify" | "FIN";

/** A server that answers with a head and so many bytes, and then ends the connection. */
async function ending(end: End, head: string, size: number, options: TlsOptions, atOnce: boolean): Promise<string> {
  const { key, cert } = await certificate();
  const below = new Map<number | undefined, Socket>();
  const server = createServer({ key, cert, allowHalfOpen: true, ...options }, (socket: TLSSocket) => {
    const close = (): void => {
      if (end === "close_notify") socket.end();
      else below.get(socket.remotePort)?.end();
    };
    socket
      .on("error", () => {})
      .once("data", () => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n`);
        socket.write(Buffer.alloc(size, "a"), () => (atOnce ? close() : setImmediate(close)));
      });
  });
  server.on("connection", (socket: Socket) =>
    below.set(
      socket.remotePort,
      socket.on("error", () => {}),
    ),
  );
  const { origin } = await listen(server);
  // The server's own side of TLS does not learn of a FIN that was sent below it.
  onTestFinished(() => {
    for (const socket of below.values()) socket.destroy();
  });
  return origin;
}

const cases = (["TLSv1.2", "TLSv1.3"] as const).flatMap((version) =>
  [0, 2, 100_000, 3_000_000].flatMap((size) => [true, false].map((atOnce) => [version, size, atOnce] as const)),
);

describe.each(cases)(
  "over %s, content of %i bytes that only the end of the connection delimits (at once: %s)",
  (version, size, atOnce) => {
    const options = { minVersion: version, maxVersion: version };
    const agent = (): ReturnType<typeof trailerAgent> => trailerAgent({ connect: { rejectUnauthorized: false } });

    test("is whole with close_notify", async () => {
      const origin = await ending("close_notify", "", size, options, atOnce);
      const got = await record(agent(), origin).ended;
      expect(got.error).toBeUndefined();
      expect(content(got)).toHaveLength(size);
    });

    test("is incomplete without it", async () => {
      const origin = await ending("FIN", "", size, options, atOnce);
      const got = await record(agent(), origin).ended;
      expect(got).toMatchObject({ status: 200, trailers: undefined, error: { code: "UND_ERR_SOCKET" } });
    });
  },
);

test("content with a length needs no close_notify", async () => {
  const origin = await ending("FIN", "Content-Length: 100000\r\n", 100_000, {}, true);
  const got = await record(trailerAgent({ connect: { rejectUnauthorized: false } }), origin).ended;
  expect(got.error).toBeUndefined();
  expect(content(got)).toHaveLength(100_000);
});

test.each(["close_notify", "FIN"] as const)("a reader that pauses gets the same end by %s", async (end) => {
  const origin = await ending(end, "", 3_000_000, {}, true);
  let pieces = 0;
  const got = await record(trailerAgent({ connect: { rejectUnauthorized: false } }), origin, {
    onData: (controller) => {
      pieces += 1;
      if (pieces % 3 !== 0) return;
      controller.pause();
      setTimeout(() => controller.resume(), 1);
    },
  }).ended;
  expect(got.error === undefined).toBe(end === "close_notify");
});

test.each<[answer: string | false | null, offered: readonly Protocol[], spoken: Protocol | undefined]>([
  ["h2", ["h2", "http/1.1"], "h2"],
  ["http/1.1", ["h2", "http/1.1"], "http/1.1"],
  ["http/1.0", ["h2", "http/1.1"], "http/1.1"],
  [false, ["h2", "http/1.1"], "http/1.1"],
  [null, ["http/1.1"], "http/1.1"],
  ["h2", ["http/1.1"], undefined],
  ["spdy/3", ["h2", "http/1.1"], undefined],
])("where ALPN is answered with %s, what is spoken", (alpnProtocol, offered, spoken) => {
  expect(agreedProtocol({ alpnProtocol } as unknown as Socket, offered)).toBe(spoken);
});
