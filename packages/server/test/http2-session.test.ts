import { createServer } from "node:http2";

import {
  encodeFields,
  errorCodes,
  headersFrame,
  listen,
  rawHttp2Client,
  requestFields,
  resetFrame,
} from "@trailsum/testkit";
import { expect, test } from "vitest";

import { http2Settings, tendSession } from "../src/http2-session.ts";

/** A server whose sessions end as soon as nothing happens on them. It answers once it is told to. */
async function tended() {
  const gate = Promise.withResolvers<void>();
  const server = createServer(http2Settings, (_req, res) => {
    void gate.promise.then(() => res.end("here"));
  });
  server.on("session", (session) => tendSession(session, 50));
  const { port } = await listen(server);
  return { port, answer: gate.resolve };
}

test("an idle session ends with GOAWAY", async () => {
  const { port } = await tended();
  const peer = await rawHttp2Client(port);
  expect((await peer.untilGoaway()).errorCode).toBe(errorCodes.NO_ERROR);
  await peer.connection.readToEnd();
});

test("the beginning of a header section keeps no session", async () => {
  const { port } = await tended();
  const peer = await rawHttp2Client(port);
  const begun = headersFrame(1, encodeFields(requestFields("GET", "/")));
  await peer.send(begun.subarray(0, -1));
  await peer.connection.readToEnd();
  expect(peer.goaway?.errorCode).toBe(errorCodes.NO_ERROR);
});

test("what runs outlives the GOAWAY of a session on which nothing happens", async () => {
  const { port, answer } = await tended();
  const peer = await rawHttp2Client(port);
  const stream = await peer.request(requestFields("GET", "/"), { endStream: true });
  await peer.untilGoaway();
  answer();
  await stream.untilEnd();
  expect(stream.data.toString()).toBe("here");
  peer.connection.end();
});

test("who opens streams only to reset them is sent away, however few at a time", async () => {
  const { port } = await tended();
  const peer = await rawHttp2Client(port);
  const get = encodeFields(requestFields("GET", "/"));
  let opened = 0;
  const rounds = async (): Promise<void> => {
    for (let round = 0; round < 50; round += 1, opened += 20) {
      const ids = Array.from({ length: 20 }, (_, at) => (opened + at) * 2 + 1);
      await peer.send(...ids.flatMap((id) => [headersFrame(id, get, { endStream: true }), resetFrame(id)]));
      await peer.ping();
    }
  };
  await expect(rounds()).rejects.toThrow(/the connection ended|EPIPE|ECONNRESET/);
  expect(opened).toBeLessThan(500);
});
