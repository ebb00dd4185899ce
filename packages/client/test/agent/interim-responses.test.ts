import { rawHttp2Server, rawServer } from "@trailsum/testkit";
import { request } from "undici";
import { expect, test } from "vitest";

import { trailerAgent } from "./side-by-side.ts";

const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

test("a thousand interim responses are taken", async () => {
  const { origin } = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(HINTS.repeat(1_000) + OK);
  });
  const { statusCode, body } = await request(origin, { dispatcher: trailerAgent() });
  await body.dump();
  expect(statusCode).toBe(200);
});

test("interim responses without end are given up, and the connection with them", async () => {
  const { origin } = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(HINTS.repeat(1_001) + OK);
    await connection.closed;
  });
  const answer = request(origin, { dispatcher: trailerAgent() });
  await expect(answer).rejects.toMatchObject({ code: "UND_ERR_SOCKET", message: "more than 1000 interim responses" });
});

test("interim responses without end on a stream of HTTP/2 are given up", async () => {
  const server = await rawHttp2Server(async (peer) => {
    const stream = await peer.accept();
    for (let sent = 0; sent < 1_001; sent += 1) void stream.headers([[":status", "103"]]);
    await peer.until(() => stream.resetCode, "RST_STREAM");
    peer.connection.destroy();
  });
  const answer = request(server.origin, { dispatcher: trailerAgent({ useH2c: true }) });
  await expect(answer).rejects.toMatchObject({ code: "UND_ERR_SOCKET", message: "more than 1000 interim responses" });
});
