import {
  errorCodes,
  type Http2Peer,
  type Http2Stream,
  rawClient,
  rawHttp2Client,
  requestFields,
} from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { createUploadServer, type Store } from "../src/index.ts";
import { content, directoryFixture, md5, request } from "./peer.ts";

/** An upload server on a directory, its log, and a promise of the first upload that reaches its store. */
async function serve() {
  const { store, visible, staged } = await directoryFixture();
  const logged: string[] = [];
  const log = (line: string): void => void logged.push(line);
  const begun = Promise.withResolvers<void>();
  const watched: Store = {
    open: (...given) => store.open(...given),
    remove: (...given) => store.remove(...given),
    list: (...given) => store.list(...given),
    makeDirectory: (path) => store.makeDirectory(path),
    removeDirectory: (path) => store.removeDirectory(path),
    uploads: store.uploads,
    async stage(...given) {
      const object = await store.stage(...given);
      begun.resolve();
      return object;
    },
  };
  const server = createUploadServer({
    store: watched,
    listen: { port: 0 },
    logger: { info: log, warn: log, error: log },
  });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const { port } = await server.listen();
  return { server, port, begun: begun.promise, logged, visible, staged };
}

const begunContent = '13\r\n{"hello": "world"}\n\r\n';

describe.each(["reset", "end"] as const)("over HTTP/1.1, a client that calls %s on its connection", (close) => {
  test.each([
    ["after the head", ""],
    ["within a chunk", '13\r\n{"hello"'],
    ["before the last chunk", begunContent],
    ["within the trailers", `${begunContent}0\r\nMd5: 5015`],
    ["before the last line end", `${begunContent}0\r\nMd5: ${md5(content)}\r\nSize: 19\r\n`],
  ])("%s leaves nothing behind", async (_where, body) => {
    const { port, begun, logged, visible, staged } = await serve();
    const client = await rawClient(port);
    await client.write(request("PUT /it", ["Transfer-Encoding: chunked", "Trailer: Md5, Size"], body));
    await begun;
    client[close]();
    await client.readToEnd();
    await expect.poll(() => logged).toEqual([expect.stringContaining("aborted")]);
    expect([await visible(), await staged()]).toEqual([[], []]);
    expect(client.received.toString("latin1")).not.toMatch(/^HTTP\/1\.1 2/);
  });
});

test.each<[string, (stream: Http2Stream, peer: Http2Peer) => unknown]>([
  ["is reset with NO_ERROR", (stream) => stream.reset(errorCodes.NO_ERROR)],
  ["is reset with CANCEL", (stream) => stream.reset(errorCodes.CANCEL)],
  ["ends with its connection", (_stream, peer) => peer.connection.end()],
  ["is lost with its connection", (_stream, peer) => peer.connection.reset()],
])("over HTTP/2, an upload that %s leaves nothing behind", async (_how, abort) => {
  const { port, begun, logged, visible, staged } = await serve();
  const peer = await rawHttp2Client(port);
  const stream = await peer.request(requestFields("PUT", "/it", [["trailer", "md5"]]));
  await stream.body(content);
  await begun;
  await abort(stream, peer);
  await expect.poll(() => logged).toEqual([expect.stringContaining("aborted")]);
  expect([await visible(), await staged()]).toEqual([[], []]);
});
