import { errorCodes, type FieldPairs, goawayFrame, type Http2Peer, rawHttp2Server } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { http2Agent, send } from "./exchanging.ts";

const OK: FieldPairs = [[":status", "200"]];

/** The phases of an exchange, in order, in which a server can send GOAWAY. Before the request has come, it cannot name its stream. */
const phases = [
  "before the request",
  "after the head of the request",
  "after all of the request",
  "after 103",
  "after the head of the response",
  "within the content of the response",
  "before the trailers of the response",
] as const;
type Phase = (typeof phases)[number];

/** Serves one connection, and sends GOAWAY with `lastStreamId` in one phase of its first exchange, if a phase is given. */
async function serveOne(peer: Http2Peer, phase: Phase | undefined, goaway: Buffer): Promise<void> {
  const reached = async (one: Phase): Promise<void> => {
    if (one === phase) await peer.send(goaway);
  };
  await reached("before the request");
  const stream = await peer.accept();
  await reached("after the head of the request");
  await stream.untilEnd();
  await reached("after all of the request");
  await stream.headers([[":status", "103"]]);
  await reached("after 103");
  await stream.headers(OK);
  await reached("after the head of the response");
  await stream.body(`got ${stream.data.toString()}`);
  await reached("within the content of the response");
  await stream.body(", all");
  await reached("before the trailers of the response");
  await stream.endWithTrailers([["x-t", "1"]]);
}

/** A server whose first connection sends `goaway` in a phase of its first exchange. */
function serve(phase: Phase, goaway: Buffer): ReturnType<typeof rawHttp2Server> {
  return rawHttp2Server(async (peer, index) => {
    if (index === 0) await serveOne(peer, phase, goaway).catch(() => {});
    else for (let count = 0; count < 2; count += 1) await serveOne(peer, undefined, goaway).catch(() => {});
  });
}

const upload = { method: "PUT", body: "content", trailers: { a: "b" } } as const;
const complete = { status: 200, content: "got content, all", trailers: ["x-t", "1"] };

describe.each(phases)("GOAWAY %s", (phase) => {
  test.each([
    ["with the stream of the request", 1],
    ["with the highest stream", 2 ** 31 - 1],
  ])("%s lets the exchange complete, and the next one goes on another connection", async (_which, last) => {
    const server = await serve(phase, goawayFrame(last));
    const agent = http2Agent();
    expect(await send(agent, server, upload).ended).toMatchObject(complete);
    expect(await send(agent, server, upload).ended).toMatchObject(complete);
    expect(server.peers.length).toBe(2);
  });

  test("with no stream sends the request again, unless its response has begun", async () => {
    const server = await serve(phase, goawayFrame(0));
    const answered = phases.indexOf(phase) >= phases.indexOf("after the head of the response");
    const outcome = answered ? { error: { code: "UND_ERR_SOCKET" } } : complete;
    expect(await send(http2Agent(), server, upload).ended).toMatchObject(outcome);
  });
});

// The first phase is left out: whether the request has left by then is a matter of time.
test.each(phases.slice(1))(
  "GOAWAY with an error %s ends a POST with it, and the next request goes on another connection",
  async (phase) => {
    const server = await serve(phase, goawayFrame(1, errorCodes.INTERNAL_ERROR));
    const agent = http2Agent();
    const { error } = await send(agent, server, { ...upload, method: "POST" }).ended;
    expect(error).toMatchObject({ code: "UND_ERR_SOCKET", http2ErrorCode: errorCodes.INTERNAL_ERROR });
    expect(await send(agent, server, upload).ended).toMatchObject(complete);
  },
);
