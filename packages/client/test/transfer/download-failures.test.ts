import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";

import { deadline, rawServer, tempDir } from "@trailsum/testkit";
import { Agent, type Dispatcher } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { download, TrailerAgent } from "../../src/index.ts";
import { httpServer, rejection, wireResponse } from "./peers.ts";

const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Md5\r\n\r\n";
const sized = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";

/** Everything that a server may have sent when its connection is cut. */
const cuts: readonly [where: string, wire: string][] = [
  ["before the head", ""],
  ["in the status line", "HTTP/1.1 20"],
  ["in the header", "HTTP/1.1 200 OK\r\nContent-Le"],
  ["before the content", sized],
  ["in the content", `${sized}cont`],
  ["before the first chunk", chunked],
  ["in a chunk size", `${chunked}7`],
  ["in a chunk", `${chunked}7\r\ncont`],
  ["after a chunk", `${chunked}7\r\ncontent\r\n`],
  ["in the last chunk", `${chunked}7\r\ncontent\r\n0\r\n`],
  ["in the trailers", `${chunked}7\r\ncontent\r\n0\r\nMd5: 9a0364b9e99bb480dd25e1f0284c8555`],
  ["before the last line break", `${chunked}7\r\ncontent\r\n0\r\nMd5: 9a0364b9e99bb480dd25e1f0284c8555\r\n`],
];

const dispatchers: readonly [name: string, make: () => Dispatcher][] = [
  ["a TrailerAgent", () => new TrailerAgent()],
  ["undici's Agent", () => new Agent()],
];

describe.each(dispatchers)("through %s, a download whose connection ends", (_name, make) => {
  test.each(cuts.flatMap(([where, wire]) => [[where, "closed", wire] as const, [where, "reset", wire] as const]))(
    "%s, %s, is lost and leaves nothing",
    async (_where, how, wire) => {
      const dispatcher = make();
      onTestFinished(() => dispatcher.destroy());
      const server = await rawServer(async (connection) => {
        await connection.readHead();
        await connection.write(wire);
        if (how === "closed") connection.end();
        else connection.reset();
      });
      const directory = await tempDir();
      await mkdir(join(directory, "empty"));
      const error = await rejection(download(server.origin, join(directory, "file"), { dispatcher }));
      expect(error.code).toBe("CONNECTION_LOST");
      expect(await readdir(directory)).toEqual(["empty"]);
    },
  );
});

describe("a download is refused, and leaves nothing, when it is answered", () => {
  test.each([204, 205, 400, 401, 403, 404, 410, 416, 429, 500, 503])("%i", async (status) => {
    const server = await httpServer((_request, response) => response.writeHead(status).end());
    const directory = await tempDir();
    const error = await rejection(download(`${server.origin}/a`, join(directory, "file")));
    expect(error).toMatchObject({ code: "REFUSED", status });
    expect(error.message).toContain(`${server.origin}/a: the server answered ${status}`);
    expect(await readdir(directory)).toEqual([]);
  });

  test("an unsolicited 206", async () => {
    const server = await httpServer((_request, response) => {
      response.writeHead(206, { "Content-Range": "bytes 0-3/7" }).end("cont");
    });
    const error = await rejection(download(server.origin, join(await tempDir(), "file")));
    expect(error).toMatchObject({ code: "REFUSED", status: 206 });
  });

  test("with a problem document, whose detail is reported", async () => {
    const server = await httpServer((_request, response) => {
      const problem = { type: "about:blank", title: "Not Found", detail: "nothing is\u001b[2J stored there" };
      response.writeHead(404, { "Content-Type": "application/problem+json" }).end(JSON.stringify(problem));
    });
    const error = await rejection(download(server.origin, join(await tempDir(), "file")));
    expect(error.message).toMatch(/404 Not Found: nothing is \[2J stored there$/);
  });

  test("with something that is not HTTP", async () => {
    const server = await rawServer((connection) => connection.end("220 ready\r\n"));
    const error = await rejection(download(server.origin, join(await tempDir(), "file")));
    expect(error.code).toBe("PROTOCOL");
  });
});

test("an unknown algorithm is refused before anything is opened", async () => {
  const directory = await tempDir();
  const error = await rejection(
    download("http://127.0.0.1:9/", join(directory, "file"), { algorithms: ["md6" as "md5"] }),
  );
  expect(error.code).toBe("UNKNOWN_ALGORITHM");
});

test("a progress listener that throws ends the download, and the connection", async () => {
  const server = await httpServer((_request, response) => void response.write("some"));
  const broken = new Error("broken");
  const directory = await tempDir();
  const onProgress = (): never => {
    throw broken;
  };
  const error = await rejection(download(server.origin, join(directory, "file"), { onProgress }));
  expect(error).toMatchObject({ code: "INTERNAL", cause: broken });
  expect(await readdir(directory)).toEqual([]);
  await expect.poll(() => server.connections()).toBe(0);
});

describe("a download that is cancelled leaves nothing,", () => {
  test("before it began", async () => {
    const directory = await tempDir();
    await writeFile(join(directory, "file"), "before");
    const signal = AbortSignal.abort();
    const error = await rejection(download("http://127.0.0.1:9/", join(directory, "file"), { signal }));
    expect(error).toMatchObject({ code: "ABORTED", message: "the download was cancelled" });
    expect(await readdir(directory)).toEqual(["file"]);
    expect(await readFile(join(directory, "file"), "utf8")).toBe("before");
  });

  test.each([
    ["while it waits for the head", ""],
    ["in the middle of the content", `${sized}cont`],
    ["while it waits for the trailers", `${chunked}7\r\ncontent\r\n`],
  ])("%s", async (_when, wire) => {
    const controller = new AbortController();
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      if (wire === "") controller.abort();
      await connection.write(wire);
      await connection.closed;
    });
    const directory = await tempDir();
    const onProgress = (): void => controller.abort();
    const options = { signal: controller.signal, onProgress, retries: 3 };
    expect((await rejection(download(server.origin, join(directory, "file"), options))).code).toBe("ABORTED");
    expect(await readdir(directory)).toEqual([]);
    expect(server.connections).toHaveLength(1);
  });

  const stuck: readonly [kind: string, make: (reported: () => void) => Writable | WritableStream<Uint8Array>][] = [
    ["a Node stream", (reported) => new Writable({ highWaterMark: 1, write: reported })],
    [
      "a Node stream at its end",
      (reported) => new Writable({ write: (_chunk, _encoding, done) => done(), final: () => reported() }),
    ],
    ["a web stream", (reported) => new WritableStream({ write: () => new Promise(reported) })],
    ["a web stream at its end", (reported) => new WritableStream({ close: () => new Promise(reported) })],
  ];
  test.each(stuck)("while %s takes nothing more", async (_kind, make) => {
    const server = await httpServer((_request, response) => void response.end("content"));
    const controller = new AbortController();
    const { promise: isStuck, resolve: reported } = Promise.withResolvers<void>();
    const destination = make(reported);
    const downloaded = rejection(download(server.origin, destination, { signal: controller.signal }));
    await isStuck;
    controller.abort();
    expect((await downloaded).code).toBe("ABORTED");
    expect(destination).not.toMatchObject({ destroyed: false });
  });
});

test("a stream that closes while nothing comes fails the download with the next piece", async () => {
  const destination = new PassThrough();
  const server = await httpServer(async (_request, response) => {
    response.write("some");
    await new Promise((resolve) => destination.once("close", resolve));
    response.end("more");
  });
  const onProgress = (): void => void destination.destroy();
  const error = await deadline(rejection(download(server.origin, destination, { onProgress })), () => "it goes on");
  expect(error).toMatchObject({ code: "FILE_UNWRITABLE", message: expect.stringContaining("it was closed") });
});

test("a redirect of a download that cannot be followed leaves nothing", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    connection.end(
      wireResponse("302 Found", [
        ["Location", "gopher://x/"],
        ["Content-Length", "0"],
      ]),
    );
  });
  const directory = await tempDir();
  const error = await rejection(download(server.origin, join(directory, "file")));
  expect(error).toMatchObject({ code: "REFUSED", status: 302, message: expect.stringContaining("gopher://x/") });
  expect(await readdir(directory)).toEqual([]);
});
