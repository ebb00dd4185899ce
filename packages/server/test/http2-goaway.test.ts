import {
  errorCodes,
  goawayFrame,
  type Http2Peer,
  type Http2Stream,
  rawHttp2Client,
  requestFields,
} from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createMemoryStore, createUploadServer } from "../src/index.ts";
import { content, md5 } from "./peer.ts";

async function serve(): Promise<number> {
  const server = createUploadServer({ store: createMemoryStore(), listen: { port: 0 } });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return (await server.listen()).port;
}

/** The phases of an upload in which its client can say that it wants no more from the server (RFC 9113 section 6.8). */
const phases = ["before the request", "after its head", "within its content", "after its trailers"] as const;

/** An upload whose client sends GOAWAY in one of its phases. */
async function uploadWith(peer: Http2Peer, phase: (typeof phases)[number], goaway: Buffer): Promise<Http2Stream> {
  const reached = async (one: (typeof phases)[number]): Promise<void> => {
    if (one === phase) await peer.send(goaway);
  };
  await reached("before the request");
  const stream = await peer.request(requestFields("PUT", "/it", [["trailer", "md5"]]));
  await reached("after its head");
  await stream.body(content);
  await reached("within its content");
  await stream.endWithTrailers([["md5", md5(content)]]);
  await reached("after its trailers");
  return stream;
}

test.each(
  phases.flatMap((phase) => [
    [phase, "NO_ERROR"] as const,
    [phase, "INTERNAL_ERROR"] as const,
    [phase, "CANCEL"] as const,
  ]),
)("a client that sends GOAWAY %s with %s gets its answer, and then the connection ends", async (phase, code) => {
  const port = await serve();
  const peer = await rawHttp2Client(port);
  const stream = await uploadWith(peer, phase, goawayFrame(0, errorCodes[code]));
  await stream.untilEnd();
  expect(stream.status).toBe(201);
  await peer.untilClosed();
  expect(peer.frames.filter(({ type }) => type === "RST_STREAM")).toEqual([]);
});
