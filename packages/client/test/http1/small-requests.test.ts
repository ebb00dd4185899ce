import { certificate, rawServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { record, type RecordOptions } from "./recording.ts";

const TURNS = 20;

// Over TLS, because a record comes out as it went in, where TCP joins what was written apart.
test.each<readonly [name: string, end: string, options: RecordOptions]>([
  ["without a body", "\r\n\r\n", { method: "GET" }],
  ["with a string", "hello", { method: "PUT", body: "hello" }],
  [
    "with a Buffer and trailers",
    "Md5: a\r\n\r\n",
    { method: "PUT", body: Buffer.from("hello"), trailers: { Md5: "a" } },
  ],
  [
    "with a Buffer and trailers from a function",
    "Md5: a\r\n\r\n",
    { method: "PUT", body: Buffer.from("hello"), trailers: () => ({ Md5: "a" }) },
  ],
  ["with trailers and no body", "Md5: a\r\n\r\n", { method: "PUT", trailers: () => ({ Md5: "a" }) }],
])("the server gets a small request %s in one piece", async (_name, end, options) => {
  const tls = await certificate();
  const pieces: string[] = [];
  const server = await rawServer(
    async (connection) => {
      connection.socket.on("data", (bytes: Buffer) => pieces.push(bytes.toString("latin1")));
      for (let turn = 0; turn < TURNS; turn += 1) {
        await connection.readUntil(end);
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      }
    },
    { tls },
  );
  const agent = trailerAgent({ connections: 1, connect: { ca: tls.cert } });
  for (let turn = 0; turn < TURNS; turn += 1) {
    expect((await record(agent, server.origin, options).ended).error).toBeUndefined();
  }
  expect(server.connections).toHaveLength(1);
  expect(pieces).toEqual(Array<string>(TURNS).fill(pieces[0]!));
  expect(pieces[0]).toMatch(/^(GET|PUT) /);
  expect(pieces[0]!.endsWith(end)).toBe(true);
});
