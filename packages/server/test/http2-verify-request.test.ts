import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { pipeline, type Readable } from "node:stream";
import { text } from "node:stream/consumers";

import { errorCodes, type Http2Peer, listen, rawHttp2Client, requestFields, streamContract } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { verifyRequest, type VerifyRequestOptions } from "../src/index.ts";
import { content, md5 } from "./peer.ts";

/** A server that handles a request in this way, and a connection to it; `outcome` is what comes of it. */
async function handling(
  handle: (req: Http2ServerRequest, res: Http2ServerResponse) => Promise<unknown>,
): Promise<{ peer: Http2Peer; outcome: Promise<unknown> }> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const server = createServer((req, res) => {
    resolve(handle(req, res).catch((error: unknown) => error));
  });
  const { port } = await listen(server);
  return { peer: await rawHttp2Client(port), outcome: promise };
}

const bare: VerifyRequestOptions = { allowUnverified: true };

test("a request whose response has been ended already is verified to its end", async () => {
  const { peer, outcome } = await handling((req, res) => {
    res.end("early");
    return text(verifyRequest(req).body);
  });
  const stream = await peer.request(requestFields("PUT", "/"));
  await stream.untilEnd();
  await stream.body(content);
  await stream.endWithTrailers([["md5", md5(content)]]);
  expect(await outcome).toBe(content.toString());
});

test.each([errorCodes.NO_ERROR, errorCodes.CANCEL])(
  "one that is reset (%i) after its response has been ended is not whole",
  async (code) => {
    const { peer, outcome } = await handling((req, res) => {
      res.end("early");
      return text(verifyRequest(req, bare).body);
    });
    const stream = await peer.request(requestFields("PUT", "/"));
    await stream.body(content);
    await stream.untilEnd();
    await stream.reset(code);
    expect(await outcome).toMatchObject({ code: "CONNECTION_LOST" });
  },
);

test.each([errorCodes.NO_ERROR, errorCodes.CANCEL])(
  "one that was reset (%i) before it was verified is not whole",
  async (code) => {
    const { peer, outcome } = await handling(async (req) => {
      await once(req, "aborted");
      return text(verifyRequest(req, bare).body);
    });
    const stream = await peer.request(requestFields("PUT", "/"));
    await stream.body(content);
    await stream.reset(code);
    expect(await outcome).toMatchObject({ code: "CONNECTION_LOST" });
  },
);

test.each<[string, (res: Http2ServerResponse) => void]>([
  ["with content", (res) => res.end("too large")],
  ["without", (res) => res.end()],
])("an answer to one that failed, %s, stops the peer that is still sending", async (_what, answer) => {
  const { peer, outcome } = await handling(async (req, res) => {
    const error: unknown = await text(verifyRequest(req, { maxSize: 10 }).body).catch((reason: unknown) => reason);
    res.statusCode = 413;
    answer(res);
    return error;
  });
  const stream = await peer.request(requestFields("PUT", "/"));
  await stream.body(content);
  expect(await outcome).toMatchObject({ code: "TOO_LARGE" });
  await stream.untilEnd();
  expect([stream.status, await stream.untilReset()]).toEqual([413, errorCodes.NO_ERROR]);
  await peer.ping();
});

streamContract("the body of a verified request over HTTP/2", {
  // A window, and what the streams in between hold.
  bound: 4 * 1024 * 1024,
  async create(source) {
    const { promise, resolve } = Promise.withResolvers<Readable>();
    const server = createServer((req, res) => {
      const { body } = verifyRequest(req);
      body.once("error", () => {
        res.statusCode = 400;
        res.end();
      });
      body.once("end", () => res.end());
      // As an application would that wants no more of it.
      body.once("close", () => void (req.readableEnded || req.stream.close(errorCodes.CANCEL)));
      resolve(body);
    });
    const { origin } = await listen(server);
    const session = connect(origin).on("error", () => {});
    const right = createHash("md5");
    let spoilt = false;
    const req = session.request({ ":method": "PUT", trailer: "md5" }, { waitForTrailers: true });
    req.on("error", () => source.destroy()).on("close", () => source.destroy());
    req.on("wantTrailers", () => req.sendTrailers({ md5: spoilt ? "0".repeat(32) : right.digest("hex") }));
    req.resume();
    source.on("data", (chunk: Buffer) => right.update(chunk));
    pipeline(source, req, () => {});
    return { stream: await promise, spoil: () => void (spoilt = true), cleanup: () => session.destroy() };
  },
});
