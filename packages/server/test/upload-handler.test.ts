import { once } from "node:events";
import { open, readdir, readFile, readlink, rename, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request as httpRequest } from "node:http";
import { join } from "node:path";
import { Writable } from "node:stream";

import { TrailsumError } from "@trailsum/shared";
import { listen, rawClient, until } from "@trailsum/testkit";
import { Agent, request as undiciRequest } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { createMemoryStore, createUploadHandler, type Store } from "../src/index.ts";
import { fileError } from "../src/stores/directory/file-errors.ts";
import { protocols } from "./http2-peer.ts";
import {
  answerOf,
  base64,
  chunked,
  content,
  directoryFixture,
  etag,
  exchange,
  handle,
  md5,
  other,
  readObject,
  readResponse,
  request,
  upload,
} from "./peer.ts";
import { digestsOf, put, stage } from "./store-contract.ts";

const te = ["TE: trailers", "Connection: TE"];

describe.each(protocols)("methods, over %s", (_protocol, { handle: start, exchange: send }) => {
  test("OPTIONS says which there are, for a path and for the server", async () => {
    const { port } = await start();
    for (const target of ["/a", "*"]) {
      const answer = await send(port, request(`OPTIONS ${target}`));
      expect([answer.status, answer.field("Allow")]).toEqual([204, "GET, HEAD, PUT, POST, DELETE, OPTIONS"]);
    }
  });

  test.each(["PATCH", "TRACE", "PROPFIND"])("%s is not allowed: 405", async (method) => {
    const { port } = await start();
    const answer = await send(port, request(`${method} /a`));
    expect([answer.status, answer.field("Allow")]).toEqual([405, "GET, HEAD, PUT, POST, DELETE, OPTIONS"]);
    expect(answer.json).toMatchObject({ status: 405 });
  });

  test.each(["PUT /", "POST /a/"])("%s: 400, and a sentence that says what to do", async (line) => {
    const { port } = await start();
    const answer = await send(port, request(line, [`Content-Length: ${content.length}`], content));
    expect([answer.status, answer.json["detail"]]).toEqual([400, expect.stringContaining("add the name")]);
  });

  test.each(["GET /", "GET /a/", "GET /missing", "HEAD /missing"])("%s: 404", async (line) => {
    const { port } = await start();
    expect((await send(port, request(line), { head: line.startsWith("HEAD") })).status).toBe(404);
  });

  test.each([
    ["/..", 403],
    ["/%2e%2e/etc/passwd", 403],
    ["/a%2fb", 403],
    ["/.trailsum/digests", 403],
    ["/a%00", 400],
    ["//a", 400],
    [`/${"n".repeat(256)}`, 400],
  ])("PUT and GET of %s: %i", async (target, status) => {
    const { port } = await start({ store: (await directoryFixture()).store });
    const answers = [await send(port, upload(target)), await send(port, request(`GET ${target}`))];
    expect(answers.map((answer) => answer.status)).toEqual([status, status]);
    expect(answers[0]!.field("Content-Type")).toBe("application/problem+json");
  });
});

test("a request target in absolute form names the same object", async () => {
  const { port, store } = await handle();
  expect((await exchange(port, upload("http://elsewhere/a/b"))).status).toBe(201);
  expect(await readObject(store, "a/b")).toEqual(content);
});

/** The digests that are recorded of an upload with `Md5`, as a digest field. */
const recorded = (bytes: Uint8Array): string => `md5=:${base64("md5", bytes)}:, sha-256=:${base64("sha256", bytes)}:`;

describe("giving back what was stored", () => {
  test("GET with TE: trailers: the digests known in the header, and those of what left as trailers", async () => {
    const { port, store } = await handle();
    await put(store, "it", content);
    const answer = await exchange(port, request("GET /it", te));
    const digests = recorded(content);
    expect(answer.status).toBe(200);
    expect(answer.field("Repr-Digest")).toBe(digests);
    expect(answer.field("Trailer")).toBe("Md5, Size, Content-Digest");
    expect(answer.field("Content-Type")).toBe("application/octet-stream");
    expect(answer.field("X-Content-Type-Options")).toBe("nosniff");
    expect(answer.message.body).toEqual(content);
    expect(answer.field("Unencoded-Digest")).toBe(`sha-256=:${base64("sha256", content)}:`);
    expect(answer.message.trailerLines).toEqual([
      `Md5: ${md5(content)}`,
      `Size: ${content.length}`,
      `Content-Digest: ${digests}`,
    ]);
  });

  test("GET that wants other recorded digests gets those", async () => {
    const { port, store } = await handle();
    await put(store, "it", content);
    const digest = `md5=:${base64("md5", content)}:`;
    const answer = await exchange(port, request("GET /it", [...te, "Want-Repr-Digest: sha-512=3, md5=2"]));
    expect(answer.field("Repr-Digest")).toBe(digest);
    expect(answer.field("Trailer")).toBe("Md5, Size, Content-Digest");
    expect(answer.message.trailerLines[0]).toBe(`Md5: ${md5(content)}`);
    expect(answer.message.trailerLines.at(-1)).toContain(`sha-512=:${base64("sha512", content)}:`);
  });

  test("Unencoded-Digest comes neither with a content coding nor with more than 16 MiB", async () => {
    const { port, store } = await handle();
    const fields = [["Content-Encoding", "gzip"]] as const;
    await (await stage(store, "coded", content, { fields })).commit(await digestsOf(content));
    const large = Buffer.alloc(16 * 1024 * 1024);
    await put(store, "largest", large);
    await put(store, "larger", Buffer.concat([large, content]));
    const unencoded = async (path: string): Promise<string | undefined> =>
      (await exchange(port, request(`HEAD ${path}`), { head: true })).field("Unencoded-Digest");
    expect(await unencoded("/coded")).toBeUndefined();
    expect(await unencoded("/largest")).toBe(`sha-256=:${base64("sha256", large)}:`);
    expect(await unencoded("/larger")).toBeUndefined();
  });

  test("GET without: a Content-Length and no trailers", async () => {
    const { port, store } = await handle();
    await put(store, "it", content);
    const answer = await exchange(port, request("GET /it"));
    expect(answer.field("Content-Length")).toBe(String(content.length));
    expect(answer.field("Repr-Digest")).toContain("sha-256=");
    expect(answer.field("Trailer")).toBeUndefined();
    expect(answer.message.body).toEqual(content);
  });

  test("a digest that the client wants is computed for it", async () => {
    const { port, store } = await handle();
    await put(store, "it", content);
    const answer = await exchange(port, request("GET /it", [...te, "Want-Content-Digest: sha-512=5, whirlpool=9"]));
    expect(answer.message.trailerLines.at(-1)).toContain(`sha-512=:${base64("sha512", content)}:`);
  });

  test.each(protocols)("HEAD over %s: a length, the digests that are known, and no content", async (_protocol, via) => {
    const { port, store } = await via.handle();
    await put(store, "it", content);
    const answer = await via.exchange(port, request("HEAD /it"), { head: true });
    expect(answer.field("Content-Length")).toBe(String(content.length));
    expect(answer.field("Repr-Digest")).toBe(recorded(content));
    expect([answer.field("Trailer"), answer.message.trailerLines]).toEqual([undefined, []]);
    expect(answer.message.body).toHaveLength(0);
  });

  test("HEAD: the same fields, and no content", async () => {
    const { port, store } = await handle();
    await put(store, "it", content);
    const head = await exchange(port, request("HEAD /it"), { head: true });
    const get = await exchange(port, request("GET /it"));
    const fields = (lines: readonly string[]): string[] => lines.filter((line) => !line.startsWith("Date"));
    expect(fields(head.message.fieldLines)).toEqual(fields(get.message.fieldLines));
    expect(head.message.rest).toHaveLength(0);
  });

  test("HTTP/1.0 gets it, too", async () => {
    const { port, store } = await handle();
    await put(store, "it", content);
    const client = await rawClient(port);
    client.end("GET /it HTTP/1.0\r\n\r\n");
    const text = (await client.readToEnd()).toString();
    expect(text).toContain(`Content-Length: ${content.length}\r\n`);
    expect(text.endsWith(content.toString())).toBe(true);
  });

  test.each([
    ["with TE: trailers", te, 200],
    ["without", [], 200],
    ["that asks for all of it as a range", ["Range: bytes=0-"], 206],
  ])("a file that rotted on the disk is refused, cut or not, for a client %s", async (_who, fields, status) => {
    const { directory, store } = await directoryFixture();
    const { port, settled } = await handle({ store });
    // One piece is compared before the head leaves; of more, all but the last one leave.
    const large = Buffer.alloc(600_000, content);
    for (const [path, bytes] of [
      ["small", content],
      ["large", large],
    ] as const) {
      await put(store, path, bytes);
      await rot(directory, path);
    }
    const answer = async (path: string): Promise<string> => {
      const client = await rawClient(port);
      void client.write(request(`GET ${path}`, [...fields, "Connection: close"]));
      return (await client.readToEnd()).toString();
    };
    const cut = await answer("/large");
    await settled();
    expect(cut).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(cut).not.toMatch(/\r\n0\r\n/);
    expect(cut.length).toBeLessThan(large.length);
    for (const path of ["/small", "/large", "/small"]) {
      const refused = await answer(path);
      expect(refused).toMatch(/^HTTP\/1\.1 500 /);
      expect(refused).toContain("urn:trailsum:problem:stored-bytes-differ");
    }
    await put(store, "large", large);
    expect(await answer("/large")).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  test("a client that goes away closes the file", async () => {
    const { directory, store } = await directoryFixture();
    const { port, settled } = await handle({ store });
    await writeFile(join(directory, "large"), Buffer.alloc(80_000_000));
    const client = await rawClient(port);
    client.socket.pause();
    void client.write(request("GET /large", te));
    const isOpen = async (): Promise<boolean> => (await openFiles()).includes(join(directory, "large"));
    for (let tries = 0; !(await isOpen()) && tries < 1000; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await isOpen()).toBe(true);
    client.reset();
    await settled();
    expect(await isOpen()).toBe(false);
  });
});

describe("content that is too large", () => {
  test("is refused by its Content-Length, before any of it is read", async () => {
    const { port, store } = await handle({ maxSize: 10 });
    const answer = await exchange(port, request("PUT /it", ["Content-Length: 11", `Md5: ${md5(content)}`]));
    expect(answer.status).toBe(413);
    expect(answer.field("Connection")).toBe("close");
    expect(answer.json).toMatchObject({ status: 413, detail: expect.stringContaining("10 bytes") });
    expect(await store.open("it")).toBeUndefined();
  });

  test.each([
    ["known", "Content-Length: 100000000", Buffer.alloc(65_536)],
    [
      "unknown",
      "Transfer-Encoding: chunked",
      Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(65_536), Buffer.from("\r\n")]),
    ],
  ])("of %s size: a client that keeps sending still sees the 413", async (_size, framing, piece) => {
    const { store, staged, visible } = await directoryFixture();
    const { port } = await handle({ store, maxSize: 100_000 });
    const client = await rawClient(port);
    void client.write(request("PUT /it", [framing, `Md5: ${md5(content)}`]));
    for (let sent = 0; sent < 200 && client.error === undefined; sent += 1) {
      await client.write(piece);
    }
    const answer = answerOf(await readResponse(client));
    expect(client.error).toBeUndefined();
    expect([answer.status, answer.field("Connection")]).toEqual([413, "close"]);
    expect([await visible(), await staged()]).toEqual([[], []]);
    await client.readToEnd();
  });

  test("to the byte", async () => {
    const { port } = await handle({ maxSize: content.length });
    expect((await exchange(port, upload("/it", content))).status).toBe(201);
    expect((await exchange(port, upload("/it", other))).status).toBe(413);
  });
});

describe("Expect: 100-continue", () => {
  const fields = ["Transfer-Encoding: chunked", "Expect: 100-Continue", "Trailer: Md5"];

  test("gets its 100, and then its answer", async () => {
    const { port } = await handle();
    const client = await rawClient(port);
    void client.write(request("PUT /it", fields));
    expect((await client.readHead()).toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    void client.write(chunked([content], [`Md5: ${md5(content)}`]));
    expect((await readResponse(client)).startLine).toBe("HTTP/1.1 201 Created");
  });

  test("gets it from Node where the handler is a plain request listener", async () => {
    const handler = createUploadHandler({ store: createMemoryStore() });
    const { port } = await listen(createServer((req, res) => void handler(req, res)));
    const client = await rawClient(port);
    void client.write(request("PUT /it", fields));
    expect((await client.readHead()).toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    void client.write(chunked([content], [`Md5: ${md5(content)}`]));
    expect((await readResponse(client)).startLine).toBe("HTTP/1.1 201 Created");
  });

  test.each([
    ["a path that is forbidden", "PUT /%2e%2e", fields, 403],
    ["content that is too large", "PUT /it", ["Content-Length: 1000001", "Expect: 100-continue"], 413],
    ["a part of something", "PUT /it", [...fields, "Content-Range: bytes 0-1/9"], 400],
    ["nothing to verify it by", "PUT /it", ["Content-Length: 100", "Expect: 100-continue"], 400],
    ["a digest that cannot be understood", "PUT /it", [...fields, "Md5: none"], 400],
    ["an unknown expectation", "PUT /it", ["Content-Length: 100", "Expect: 200-ok"], 417],
    ["a method that is not allowed", "PATCH /it", fields, 405],
  ])("with %s is refused before its content is sent", async (_what, line, lines, status) => {
    const { port } = await handle({ maxSize: 1_000_000 });
    const client = await rawClient(port);
    void client.write(request(line, lines));
    const answer = answerOf(await readResponse(client));
    expect([answer.status, answer.field("Content-Type")]).toEqual([status, "application/problem+json"]);
  });
});

test("content of known length without digests is refused before it is sent", async () => {
  const { port } = await handle();
  const answer = await exchange(port, request("PUT /it", ["Content-Length: 1000000000000"]));
  expect(answer.json).toMatchObject({ verdict: "unverified" });
});

test.each(protocols)(
  "a part of something is not stored as if it were the whole, over %s: 400",
  async (_protocol, via) => {
    const { port, store } = await via.handle();
    const answer = await via.exchange(port, upload("/it", content, ["Content-Range: bytes 0-18/100"]));
    expect(answer.json).toMatchObject({ type: "urn:trailsum:problem:partial-put", status: 400 });
    expect(await store.open("it")).toBeUndefined();
  },
);

describe("a store that fails", () => {
  const failing = (error: Error, after: number): Store => ({
    ...createMemoryStore(),
    async stage() {
      let taken = 0;
      const sink = new Writable({
        write(chunk: Buffer, _encoding, done) {
          taken += chunk.length;
          done(taken > after ? error : null);
        },
      });
      return {
        content: sink,
        commit: () => Promise.reject(error),
        keep: () => Promise.reject(new Error("nothing is kept")),
        discard: async () => void sink.destroy(),
      };
    },
  });

  test("full in the middle of an upload: 507 at once", async () => {
    const { port } = await handle({ store: failing(new TrailsumError("NO_SPACE", "the disk is full"), 1_000) });
    const client = await rawClient(port);
    void client.write(request("PUT /it", ["Transfer-Encoding: chunked"], `2000\r\n${"x".repeat(8192)}\r\n`));
    const answer = answerOf(await readResponse(client));
    expect(answer.json).toMatchObject({ status: 507, detail: "the disk is full" });
    expect(answer.field("Connection")).toBe("close");
  });

  test("full at the commit: 507", async () => {
    const { port } = await handle({ store: failing(new TrailsumError("NO_SPACE", "the disk is full"), 1_000) });
    expect((await exchange(port, upload("/it"))).status).toBe(507);
  });

  test.each(["EMFILE", "ENFILE"])("out of descriptors (%s): 503, and when to try again", async (code) => {
    const cause = Object.assign(new Error("too many open files"), { code });
    const store: Store = {
      ...createMemoryStore(),
      stage: () => Promise.reject(fileError(cause, "FILE_UNWRITABLE")),
    };
    const { port } = await handle({ store });
    const answer = await exchange(port, upload("/it"));
    expect([answer.status, answer.field("Retry-After")]).toEqual([503, "1"]);
  });

  test("with an unexpected error: 500, without details of the error", async () => {
    const { port } = await handle({ store: failing(new Error("EIO, /srv/secret/it"), 0) });
    const answer = await exchange(port, upload("/it"));
    expect(answer.status).toBe(500);
    expect(answer.message.body.toString()).not.toContain("secret");
  });

  test("slowly: the sender waits, and memory stays bounded", async () => {
    let taken = 0;
    let flowing = false;
    let release = (): void => {};
    const store: Store = {
      ...createMemoryStore(),
      async stage() {
        const sink = new Writable({
          write(chunk: Buffer, _encoding, done) {
            taken += chunk.length;
            if (flowing) done();
            else release = done;
          },
        });
        return {
          content: sink,
          commit: async () => ({ created: true }),
          keep: () => Promise.reject(new Error("nothing is kept")),
          discard: async () => void sink.destroy(),
        };
      },
    };
    const { port, settled } = await handle({ store, idleTimeout: 200 });
    const client = await rawClient(port);
    void client.write(request("PUT /it", ["Transfer-Encoding: chunked"]));
    let sent = 0;
    const send = async (): Promise<void> => {
      const piece = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(65_536), Buffer.from("\r\n")]);
      for (; sent < 100_000_000; sent += 65_536) {
        await client.write(piece, 60_000);
      }
    };
    send().catch(() => {});
    let before = -1;
    while (sent !== before) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    // One piece has been taken; what else was sent is in the buffers of the system, and a little in ours.
    expect(taken).toBeLessThanOrEqual(65_536);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    const held = taken;
    flowing = true;
    release();
    await until(
      () => taken > held,
      () => "the store was given no more",
    );
    client.destroy();
    await settled();
  });
});

test("many uploads to one path at once: the last stands, whole, with its own digests", async () => {
  const { store, staged, records, visible } = await directoryFixture();
  const { port } = await handle({ store });
  const versions = Array.from({ length: 12 }, (_, at) => Buffer.alloc(200_000 + at, at));
  const answers = await Promise.all(versions.map((bytes) => exchange(port, upload("/deep/it", bytes))));
  expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
  expect(answers.filter((answer) => answer.status === 200)).toHaveLength(11);
  const stored = await readObject(store, "deep/it");
  expect(versions.some((bytes) => bytes.equals(stored!))).toBe(true);
  const answer = await exchange(port, request("HEAD /deep/it"), { head: true });
  expect(answer.field("Repr-Digest")).toBe(recorded(stored!));
  expect(answer.field("ETag")).toBe(etag(stored!));
  expect([await visible(), await staged(), (await records()).length]).toEqual([["deep/it"], [], 1]);
});

test("Node's own client uploads with trailers", async () => {
  const { port } = await handle();
  const req = httpRequest({ port, method: "PUT", path: "/it", headers: { Trailer: "Md5, Size" } });
  req.write(content);
  req.addTrailers({ Md5: md5(content), Size: String(content.length) });
  req.end();
  const [res] = (await once(req, "response")) as [IncomingMessage];
  res.resume();
  expect(res.statusCode).toBe(201);
  await once(res, "end");
});

test("undici reads the trailers of a download", async () => {
  const { origin, store } = await handle();
  const dispatcher = new Agent();
  onTestFinished(() => dispatcher.close());
  await put(store, "it", content);
  const { body, trailers } = await undiciRequest(`${origin}/it`, { dispatcher, headers: { TE: "trailers" } });
  expect(await body.text()).toBe(content.toString());
  expect(trailers).toMatchObject({
    "content-digest": recorded(content),
    size: String(content.length),
  });
});

test("a refused upload does not cost the connection when it was read whole", async () => {
  const { port } = await handle();
  const client = await rawClient(port);
  void client.write(request("PUT /it", ["Transfer-Encoding: chunked"], chunked([content], [`Md5: ${md5(other)}`])));
  expect((await readResponse(client)).startLine).toContain(" 400 ");
  void client.write(upload("/it"));
  expect((await readResponse(client)).startLine).toContain(" 201 ");
});

test("the log says what was stored, refused and aborted, in single lines", async () => {
  const reported: string[] = [];
  const note =
    (level: string) =>
    (line: string): void =>
      void reported.push(`${level} ${line}`);
  const { port, settled } = await handle({ logger: { info: note("info"), warn: note("warn"), error: note("error") } });
  await exchange(port, upload("/it"));
  await exchange(port, request("PUT /it", ["Transfer-Encoding: chunked"], chunked([content], [`Md5: ${md5(other)}`])));
  await exchange(port, request("PUT /%0a?sig=secret"));
  await settled();
  expect(reported).toEqual([
    'info stored "it", 19 bytes, verified',
    expect.stringMatching(/^warn refused PUT "\/it": mismatched, .*Md5/),
    expect.stringMatching(/^warn refused: PUT "\/%0a\?sig=\*\*\*": PATH_INVALID/),
  ]);
});

test("a logger that throws costs the response, and nothing more", async () => {
  const broken = (): never => {
    throw new Error("the log is full");
  };
  const { port, settled } = await handle({ logger: { info: broken, warn: broken, error: broken } });
  const client = await rawClient(port);
  void client.write(request("PATCH /it"));
  expect(await client.readToEnd()).toHaveLength(0);
  await settled();
});

async function openFiles(): Promise<string[]> {
  const links = await readdir("/proc/self/fd");
  const targets = await Promise.all(links.map((link) => readlink(join("/proc/self/fd", link)).catch(() => "")));
  return targets;
}

/** Gives the only record in a directory store the date that the only file has now. */
/** Changes a byte of a file that keeps its size and its date. */
async function rot(directory: string, path: string): Promise<void> {
  const file = await open(join(directory, path), "r+");
  const { atime, mtime } = await file.stat();
  await file.write("X", 3);
  await file.utimes(atime, mtime);
  await file.close();
  // A date can be set to the millisecond or so: the record is moved to where it is looked for.
  await forgeRecord(directory, path);
}

async function forgeRecord(directory: string, path: string): Promise<void> {
  const folder = join(directory, ".trailsum/digests");
  const { mtimeNs } = await stat(join(directory, path), { bigint: true });
  for (const name of await readdir(folder)) {
    const record = JSON.parse(await readFile(join(folder, name), "utf8")) as { path: string; modified: string };
    if (record.path !== path) continue;
    await writeFile(join(folder, name), JSON.stringify({ ...record, modified: String(mtimeNs) }));
    await rename(join(folder, name), join(folder, name.replace(record.modified, String(mtimeNs))));
  }
}
