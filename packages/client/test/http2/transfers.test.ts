import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { join } from "node:path";
import { Readable } from "node:stream";

import { certificate, errorCodes, type Listening, listen, rawHttp2Server, tempDir } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test, vi } from "vitest";

import { download, TrailerAgent, upload, type UploadSource } from "../../src/index.ts";

const md5 = (bytes: string | Uint8Array): string => createHash("md5").update(bytes).digest("hex");

async function agent(): Promise<TrailerAgent> {
  const { cert: ca } = await certificate();
  const made = new TrailerAgent({ connect: { ca } });
  onTestFinished(() => made.destroy());
  return made;
}

/** A server of HTTP/2 over TLS. */
async function secureServer(
  listener: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): Promise<Listening> {
  const { key, cert } = await certificate();
  const server = createSecureServer({ key, cert });
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", () => {});
    listener(stream, headers);
  });
  return listen(server);
}

/** What a server saw of an upload. */
interface Seen {
  readonly content: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

/** A server that takes uploads through node:http2's streams, and answers with the MD5 of what came. */
async function receiver(): Promise<Listening & { readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = await secureServer((stream) => {
    const chunks: Buffer[] = [];
    let trailers: IncomingHttpHeaders = {};
    stream.on("trailers", (fields) => (trailers = fields));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const content = Buffer.concat(chunks);
      seen.push({ content, trailers });
      const digest = createHash("md5").update(content).digest("base64");
      stream.respond({ ":status": 201, "repr-digest": `md5=:${digest}:` }, { endStream: true });
    });
  });
  return { ...server, seen };
}

describe("an upload over HTTP/2", () => {
  const large = randomBytes(3_000_000);
  test.each<readonly [string, () => Promise<UploadSource>, Uint8Array]>([
    ["a text", async () => Buffer.from("content"), Buffer.from("content")],
    ["nothing", async () => new Uint8Array(0), Buffer.alloc(0)],
    ["a stream", async () => Readable.from([large.subarray(0, 1_000_000), large.subarray(1_000_000)]), large],
    ["a file", async () => file(large), large],
  ])("sends %s with its digests after it, and the server confirms them", async (_name, make, content) => {
    const server = await receiver();
    const result = await upload(`${server.origin}/object`, await make(), {
      delivery: "trailers",
      dispatcher: await agent(),
    });
    expect(result).toMatchObject({ status: 201, confirmedBy: "server" });
    const [seen] = server.seen;
    expect(seen!.content.equals(content)).toBe(true);
    expect(seen!.trailers).toMatchObject({ md5: md5(content), size: String(content.byteLength) });
  });

  test("works against node:http2's compatibility API too", async () => {
    const { key, cert } = await certificate();
    const seen: Seen[] = [];
    const server = await listen(
      createSecureServer({ key, cert }, (request: Http2ServerRequest, response: Http2ServerResponse) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          seen.push({ content: Buffer.concat(chunks), trailers: request.trailers });
          response.writeHead(201).end();
        });
      }),
    );
    await upload(`${server.origin}/object`, Buffer.from("content"), { dispatcher: await agent() });
    expect(seen).toMatchObject([{ trailers: { md5: md5("content"), size: "7" } }]);
  });

  test("by the default dispatcher sends a file as it is, however slowly the server reads", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { key, cert } = await certificate();
    const server = await rawHttp2Server(
      async (peer) => {
        const stream = await peer.accept();
        await stream.untilEnd();
        await stream.headers([[":status", "201"]], { endStream: true });
      },
      { tls: { key, cert }, settings: { INITIAL_WINDOW_SIZE: 40_000 } },
    );
    await upload(`${server.origin}/object`, await file(large));
    const { data, trailers } = server.peers[0]!.stream(1);
    expect(data.equals(large)).toBe(true);
    expect(trailers).toContainEqual(["md5", md5(large)]);
  });

  test("stops when the answer is a refusal, and says which", async () => {
    const server = await secureServer((stream) => {
      stream.respond({ ":status": 413 });
      stream.end("too large");
    });
    const body = new Readable({ read() {} });
    body.push("some");
    const failed = upload(`${server.origin}/object`, body, { dispatcher: await agent() });
    await expect(failed).rejects.toMatchObject({ code: "REFUSED", status: 413 });
    expect(body.destroyed).toBe(true);
  });

  test.each([
    ["by the server", errorCodes.INTERNAL_ERROR, "CONNECTION_LOST"],
    ["unprocessed", errorCodes.REFUSED_STREAM, "CONNECTION_LOST"],
    ["for what it is", errorCodes.PROTOCOL_ERROR, "PROTOCOL"],
  ])("that is reset %s says so", async (_how, code, expected) => {
    const server = await secureServer((stream) => stream.close(code));
    const body = Readable.from(["content"]);
    const failed = upload(`${server.origin}/object`, body, { dispatcher: await agent() });
    await expect(failed).rejects.toMatchObject({ code: expected });
  });
});

describe("a download over HTTP/2", () => {
  /** A server that sends content with these trailers. */
  function sender(trailers: IncomingHttpHeaders, cut?: number): Promise<Listening> {
    return secureServer((stream) => {
      stream.respond({ ":status": 200, trailer: "md5, size" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers(trailers));
      if (cut === undefined) stream.end("content");
      else stream.write("cont", () => stream.close(cut));
    });
  }

  test("is verified by its trailers", async () => {
    const server = await sender({ md5: md5("content"), size: "7" });
    const path = join(await tempDir(), "object");
    const result = await download(`${server.origin}/object`, path, { dispatcher: await agent() });
    expect(result.verdict).toMatchObject({ name: "verified" });
    expect(await readFile(path, "utf8")).toBe("content");
  });

  test.each([
    ["that are wrong", { md5: md5("something else"), size: "7" }, "DIGEST_MISMATCHED"],
    ["that never come", {}, "DIGEST_MISSING"],
  ])("with trailers %s is refused", async (_name, trailers, code) => {
    const server = await sender(trailers);
    const path = join(await tempDir(), "object");
    const failed = download(`${server.origin}/object`, path, { dispatcher: await agent() });
    await expect(failed).rejects.toMatchObject({ code });
    await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each([errorCodes.NO_ERROR, errorCodes.CANCEL, errorCodes.INTERNAL_ERROR])(
    "that is reset with code %i leaves nothing",
    async (code) => {
      const server = await sender({}, code);
      const path = join(await tempDir(), "object");
      const failed = download(`${server.origin}/object`, path, { dispatcher: await agent() });
      await expect(failed).rejects.toMatchObject({ code: "CONNECTION_LOST" });
      await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
    },
  );
});

async function file(content: Uint8Array): Promise<string> {
  const path = join(await tempDir(), "source");
  await writeFile(path, content);
  return path;
}
