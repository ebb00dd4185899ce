import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { PassThrough, pipeline as pipe, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createHash } from "node:crypto";

import { FieldLines, parseSignatureKeys, type SignableRequest, signUpload, type Verdict } from "@trailsum/shared";
import { listen, rawClient, streamContract } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { type NodeRequest, type NodeResponse, verifyRequest, type VerifyRequestOptions } from "../src/index.ts";
import { type Protocol, protocols } from "./http2-peer.ts";
import { base64, chunked, content, exchange, md5, other, request, upload } from "./peer.ts";

/** The outcome of one request. */
interface Outcome {
  readonly body: string | Error;
  readonly verdict: Verdict | Error;
  readonly trailers: readonly string[] | Error;
}

/** A server that verifies whatever it is sent, reports the outcome, and answers 200 or 400. */
async function verifying(
  create: Protocol["create"],
  options: VerifyRequestOptions | ((req: NodeRequest) => VerifyRequestOptions) = {},
) {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const caught = (error: unknown): Error => error as Error;
  const answer = async (req: NodeRequest, res: NodeResponse): Promise<void> => {
    const { body, verdict, trailers } = verifyRequest(req, typeof options === "function" ? options(req) : options);
    const outcome = {
      body: await text(body).catch(caught),
      verdict: await verdict.catch(caught),
      trailers: await trailers.then(({ raw }) => raw).catch(caught),
    };
    res.statusCode = typeof outcome.body === "string" ? 200 : 400;
    if (!("stream" in res)) res.setHeader("Connection", "close");
    res.end();
    resolve(outcome);
  };
  const { port } = await listen(create((req, res) => void answer(req, res)));
  return { port, outcome: promise };
}

describe.each(protocols)("%s", (name, { create, exchange: send }) => {
  test("the body ends after a good verdict, and the trailers are there", async () => {
    const { port, outcome } = await verifying(create);
    expect((await send(port, upload("/it"))).status).toBe(200);
    expect(await outcome).toMatchObject({
      body: content.toString(),
      verdict: { name: "verified" },
      trailers: [
        expect.stringMatching(/^md5$/i),
        md5(content),
        expect.stringMatching(/^size$/i),
        String(content.length),
      ],
    });
  });

  test("the body fails after a bad verdict, and the verdict is there all the same", async () => {
    const { port, outcome } = await verifying(create);
    await send(port, request("PUT /", ["Transfer-Encoding: chunked"], chunked([content], [`Md5: ${md5(other)}`])));
    expect(await outcome).toMatchObject({
      body: { name: "TrailsumError", code: "DIGEST_MISMATCHED" },
      verdict: { name: "mismatched" },
      trailers: [expect.stringMatching(/^md5$/i), md5(other)],
    });
  });

  test("trailers that may be none are left out, the others keep their order, case and duplicates", async () => {
    const { port, outcome } = await verifying(create);
    const lines = [`MD5: ${md5(content)}`, "X-b: 1", "Authorization: Basic eDp5", "x-B: 2", "Host: h", "If-Match: *"];
    await send(port, request("PUT /", ["Transfer-Encoding: chunked"], chunked([content], lines)));
    const kept = ["MD5", md5(content), "X-b", "1", "x-B", "2"];
    expect(await outcome).toMatchObject({
      trailers: name === "HTTP/1.1" ? kept : kept.map((entry) => entry.toLowerCase()),
    });
  });

  test.each<[string, VerifyRequestOptions, string | object]>([
    ["nothing allowed", {}, { code: "DIGEST_UNVERIFIED" }],
    ["unverified allowed", { allowUnverified: true }, content.toString()],
    [
      "unverified allowed, but a field required",
      { allowUnverified: true, require: ["Md5"] },
      { code: "DIGEST_MISSING" },
    ],
  ])("bare content, %s", async (_policy, options, body) => {
    const { port, outcome } = await verifying(create, options);
    await send(port, request("PUT /", ["Transfer-Encoding: chunked"], chunked([content])));
    const result = (await outcome).body;
    expect(typeof result === "string" ? result : { code: (result as unknown as { code: string }).code }).toEqual(body);
  });

  describe("what is computed", () => {
    test.each<[string, string[], string[], string[] | undefined]>([
      ["md5, for what announces Md5", ["Trailer: Md5"], ["md5"], undefined],
      [
        "what the header names, and nothing else",
        [`Repr-Digest: sha-256=:${base64("sha256", content)}:`],
        ["sha-256"],
        undefined,
      ],
      [
        "what is wanted, for what announces Content-Digest",
        ["Trailer: Content-Digest", "Want-Repr-Digest: sha=1"],
        ["sha"],
        undefined,
      ],
      [
        "what is announced and wanted, as an upload of the client says it",
        ["Trailer: Md5, Size, Content-Digest", "Want-Repr-Digest: sha-256=10, md5=1"],
        ["md5", "sha-256"],
        undefined,
      ],
      [
        "everything, for what announces Content-Digest and wants nothing",
        ["Trailer: Content-Digest"],
        ["md5", "sha", "sha-256", "sha-512", "crc32c", "crc32", "crc64nvme"],
        undefined,
      ],
      ["everything supported, for what announces nothing", [], ["md5", "sha-512"], ["md5", "sha-512"]],
    ])("%s", async (_what, fields, computed, algorithms) => {
      const { port, outcome } = await verifying(create, {
        allowUnverified: true,
        ...(algorithms && { algorithms: algorithms as ("md5" | "sha-512")[] }),
      });
      await send(port, request("PUT /", ["Transfer-Encoding: chunked", ...fields], chunked([content])));
      const { verdict } = await outcome;
      expect([...(verdict as Verdict).computed.values.keys()]).toEqual(computed);
    });
  });

  describe("signed uploads", () => {
    const signatureKeys = parseSignatureKeys(
      JSON.stringify({ kty: "oct", kid: "builds", k: Buffer.alloc(32, 7).toString("base64url") }),
    );
    /** An upload to `/a?q` that is signed for `signed`, and sent to `target`. */
    const signedUpload = (target: string, signed: Partial<SignableRequest> = {}): Buffer => {
      const fields = ["Transfer-Encoding: chunked", "Content-Type: text/plain", "Trailer: Content-Digest"];
      const header = FieldLines.from([["Content-Type", "text/plain"]]);
      const digest = ["Content-Digest", `sha-256=:${base64("sha256", content)}:`] as const;
      const message = { method: "PUT", path: "/a", query: "q", header, trailer: FieldLines.from([digest]), ...signed };
      const signature = signUpload(message, signatureKeys[0]!, { created: Math.floor(Date.now() / 1_000) });
      const lines = [digest, ...signature].map(([field, value]) => `${field}: ${value}`);
      return request(`PUT ${target}`, fields, chunked([content], lines));
    };

    test("one that is signed with a known key is accepted, below a path that a router cut off too", async () => {
      const { port, outcome } = await verifying(create, (req) => {
        Object.assign(req, { originalUrl: req.url, url: "/a?q" });
        return { signatureKeys };
      });
      expect((await send(port, signedUpload("/m/a?q", { path: "/m/a" }))).status).toBe(200);
      expect(await outcome).toMatchObject({ body: content.toString(), verdict: { name: "verified" } });
    });

    test.each([
      ["for another target", signedUpload("/b?q")],
      ["for another query", signedUpload("/a?q&r")],
      ["not at all", upload("/a?q")],
      [
        "not at all, with its digest in the header",
        request(
          "PUT /a",
          [`Content-Length: ${content.length}`, `Content-Digest: sha-256=:${base64("sha256", content)}:`],
          content,
        ),
      ],
    ])("one that is signed %s is refused", async (_how, bytes) => {
      const { port, outcome } = await verifying(create, { signatureKeys });
      await send(port, bytes);
      expect(await outcome).toMatchObject({ body: { code: "SIGNATURE_INVALID", status: 400 } });
    });
  });

  describe("bounds", () => {
    test("content beyond maxSize fails as soon as it is known", async () => {
      const { port, outcome } = await verifying(create, { maxSize: 10 });
      await send(port, request("PUT /", ["Content-Length: 11"], "hello"));
      expect(await outcome).toMatchObject({ body: { code: "TOO_LARGE", status: 413 } });
    });

    test("content that turns out to be larger fails", async () => {
      const { port, outcome } = await verifying(create, { maxSize: 10 });
      await send(port, request("PUT /", ["Transfer-Encoding: chunked"], "b\r\nhello world\r\n"));
      expect(await outcome).toMatchObject({ body: { code: "TOO_LARGE" }, verdict: { code: "TOO_LARGE" } });
    });

    test("a sender that falls silent fails", async () => {
      const { port, outcome } = await verifying(create, { idleTimeout: 30 });
      await send(port, request("PUT /", ["Content-Length: 11"], "hello"));
      expect(await outcome).toMatchObject({ body: { code: "TIMEOUT", status: 408 } });
    });

    test.each(["before", "while"])("a signal that fires %s it is read fails it", async (when) => {
      const controller = new AbortController();
      const { port, outcome } = await verifying(create, (req) => {
        if (when === "before") controller.abort();
        else req.once("data", () => controller.abort());
        return { signal: controller.signal };
      });
      await send(port, request("PUT /", ["Content-Length: 11"], "hello"));
      expect(await outcome).toMatchObject({ body: { code: "ABORTED" }, trailers: { code: "ABORTED" } });
    });

    test("a request that was read before is a mistake, and not an empty one", async () => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const server = create((req, res) => {
        req.resume().once("end", () => {
          verifyRequest(req).body.once("error", resolve);
          res.end();
        });
      });
      const { port } = await listen(server);
      await send(port, upload("/"));
      expect(await promise).toMatchObject({ code: "USAGE" });
    });
  });
});

test.each([
  ["pipeline", async (body: Readable) => pipeline(body, new PassThrough().resume())],
  ["an iterator", async (body: Readable) => text(body)],
])("content that is refused before it has a reader ends no process, and fails the reader: %s", async (_how, read) => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const server = createServer(async (req, res) => {
    const { body, verdict } = verifyRequest(req);
    // As an application does that opens a file first.
    await verdict;
    await once(body, "close").catch(() => {});
    await read(body).catch(resolve);
    res.end();
  });
  const { port } = await listen(server);
  await exchange(port, request("PUT /", ["Content-Length: 4"], "body"));
  expect(await promise).toMatchObject({ code: "DIGEST_UNVERIFIED" });
});

test("more trailers than are allowed fail the body", async () => {
  const { port, outcome } = await verifying(createServer);
  const lines = Array.from({ length: 129 }, (_, at) => `X-${at}: 1`);
  const fields = ["Transfer-Encoding: chunked", `Md5: ${md5(content)}`];
  await exchange(port, request("PUT /", fields, chunked([content], lines)));
  const code = { code: "TRAILERS_TOO_LARGE" };
  expect(await outcome).toMatchObject({ body: code, verdict: code, trailers: code });
});

test("a request that was aborted before it was verified fails", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const server = createServer((req) => {
    req.once("error", () => {});
    req.once("close", () => {
      verifyRequest(req).body.once("error", resolve);
    });
  });
  const { port } = await listen(server);
  const client = await rawClient(port);
  await client.write(request("PUT /", ["Content-Length: 11"], "hello"));
  client.reset();
  expect(await promise).toMatchObject({ code: "CONNECTION_LOST" });
});

streamContract("the body of a verified request", {
  // What the system keeps of a connection in its own buffers, on both sides.
  bound: 24 * 1024 * 1024,
  async create(source) {
    const { promise, resolve } = Promise.withResolvers<Readable>();
    const server = createServer((req, res) => {
      const { body } = verifyRequest(req);
      // As an application would: answered when it is over, well or badly, and closed where it was not read whole.
      body.once("error", () => res.writeHead(400, { Connection: "close" }).end());
      body.once("end", () => res.end());
      body.once("close", () => {
        if (!req.complete) req.destroy();
      });
      resolve(body);
    });
    const { port } = await listen(server);
    const right = createHash("md5");
    let spoilt = false;
    const req = httpRequest({ port, method: "PUT", headers: { Trailer: "Md5" } });
    req.on("error", () => source.destroy());
    req.on("response", (res) => res.resume());
    req.on("close", () => source.destroy());
    req.flushHeaders();
    source.on("data", (chunk: Buffer) => right.update(chunk));
    source.on("end", () => req.addTrailers({ Md5: spoilt ? "0".repeat(32) : right.digest("hex") }));
    pipe(source, req, () => {});
    return { stream: await promise, spoil: () => void (spoilt = true), cleanup: () => void req.destroy() };
  },
});
