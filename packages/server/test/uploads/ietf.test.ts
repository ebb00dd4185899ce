import { rawClient } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { createDirectoryStore } from "../../src/index.ts";
import {
  answerOf,
  base64,
  chunked,
  content,
  directoryFixture,
  etag,
  other,
  readObject,
  readResponse,
  request,
} from "../peer.ts";
import { put } from "../store-contract.ts";
import { serve, type Serving, servers } from "./serving.ts";

const version = "Upload-Draft-Interop-Version: 8";
const reprDigest = (bytes: Uint8Array): string => `Repr-Digest: sha-256=:${base64("sha256", bytes)}:`;
const contentDigest = (bytes: Uint8Array): string => `Content-Digest: sha-256=:${base64("sha256", bytes)}:`;
const appending = (offset: number, complete: "?0" | "?1"): string[] => [
  version,
  "Content-Type: application/partial-upload",
  `Upload-Offset: ${offset}`,
  `Upload-Complete: ${complete}`,
];

async function create({ send }: Serving, fields: readonly string[] = []): Promise<string> {
  const answer = await send("PUT /a", [version, "Upload-Complete: ?0", ...fields]);
  expect(answer.status).toBe(201);
  return answer.field("Location")!;
}

describe.each(servers)("an upload resource of %s", (kind) => {
  test("takes content in several requests, and reports how far it has come", async () => {
    const serving = await serve(kind);
    const { send, store } = serving;
    const location = await create(serving, [`Upload-Length: ${content.length + other.length}`]);
    const first = await send(`PATCH ${location}`, appending(0, "?0"), content);
    expect([first.status, first.field("Upload-Offset"), first.field("Upload-Complete")]).toEqual([
      204,
      String(content.length),
      "?0",
    ]);
    const state = await send(`HEAD ${location}`, [version]);
    expect(state.status).toBe(204);
    expect(state.field("Upload-Offset")).toBe(String(content.length));
    expect(state.field("Upload-Complete")).toBe("?0");
    expect(state.field("Upload-Length")).toBe(String(content.length + other.length));
    expect(state.field("Cache-Control")).toBe("no-store");
    const all = Buffer.concat([content, other]);
    const last = await send(`PATCH ${location}`, [...appending(content.length, "?1"), reprDigest(all)], other);
    expect(last.status).toBe(201);
    expect(last.field("ETag")).toBe(etag(all));
    expect(await readObject(store, "a")).toEqual(all);
    const done = await send(`HEAD ${location}`);
    expect([done.field("Upload-Complete"), done.field("Upload-Offset")]).toEqual(["?1", String(all.length)]);
    const again = await send(`PATCH ${location}`, appending(all.length, "?1"), content);
    expect([again.status, again.json.type]).toEqual([
      400,
      "https://iana.org/assignments/http-problem-types#completed-upload",
    ]);
  });

  test("is announced by 104, and keeps what arrived before the connection was cut", async () => {
    const { port, send, store } = await serve(kind);
    const client = await rawClient(port);
    const head = [version, "Upload-Complete: ?1", `Content-Length: ${content.length}`, reprDigest(content)];
    await client.write(request("PUT /a", head, content.subarray(0, 7)));
    const announced = answerOf(await readResponse(client));
    expect(announced.status).toBe(104);
    expect(announced.field("Upload-Draft-Interop-Version")).toBe("8");
    const location = announced.field("Location")!;
    // The second request cuts the first one.
    await expect.poll(async () => (await send(`HEAD ${location}`)).field("Upload-Offset")).toBe("7");
    await client.readToEnd();
    expect((await send(`HEAD ${location}`)).field("Upload-Length")).toBe(String(content.length));
    const answer = await send(`PATCH ${location}`, appending(7, "?1"), content.subarray(7));
    expect(answer.status).toBe(201);
    expect(await readObject(store, "a")).toEqual(content);
  });

  test("checks the digest of the creation when it is completed", async () => {
    const serving = await serve(kind);
    const location = await create(serving, [reprDigest(other)]);
    const answer = await serving.send(`PATCH ${location}`, appending(0, "?1"), content);
    expect([answer.status, answer.json.verdict]).toEqual([400, "mismatched"]);
    expect(await serving.store.open("a")).toBeUndefined();
    expect((await serving.send(`HEAD ${location}`)).status).toBe(404);
  });

  test.each([
    ["in the header", [contentDigest(other)], content],
    [
      "announced as a trailer",
      ["Transfer-Encoding: chunked", "Trailer: Content-Digest"],
      chunked([content], [contentDigest(other)]),
    ],
    ["announced and missing", ["Transfer-Encoding: chunked", "Trailer: Content-Digest"], chunked([content])],
  ])("appends nothing of content whose own digest is %s and does not hold", async (_where, fields, body) => {
    const serving = await serve(kind);
    const location = await create(serving);
    await serving.send(`PATCH ${location}`, appending(0, "?0"), other);
    const refused = await serving.send(`PATCH ${location}`, [...appending(other.length, "?0"), ...fields], body);
    expect([refused.status, refused.field("Upload-Offset")]).toEqual([400, String(other.length)]);
    const good = [...appending(other.length, "?0"), contentDigest(content)];
    expect((await serving.send(`PATCH ${location}`, good, content)).status).toBe(204);
    const all = Buffer.concat([other, content]);
    const done = [...appending(all.length, "?1"), reprDigest(all)];
    expect((await serving.send(`PATCH ${location}`, done)).status).toBe(201);
    expect(await readObject(serving.store, "a")).toEqual(all);
  });

  test("appends nothing of content with a digest of its own that was cut", async () => {
    const serving = await serve(kind);
    const location = await create(serving);
    const client = await rawClient(serving.port);
    const head = [...appending(0, "?0"), contentDigest(content), `Content-Length: ${content.length}`];
    await client.write(request(`PATCH ${location}`, head, content.subarray(0, 7)));
    client.reset();
    expect((await serving.send(`HEAD ${location}`)).field("Upload-Offset")).toBe("0");
  });

  test("is published without a digest of the whole if every part had one", async () => {
    const serving = await serve(kind);
    const location = await create(serving);
    await serving.send(`PATCH ${location}`, [...appending(0, "?0"), contentDigest(content)], content);
    const last = [...appending(content.length, "?1"), contentDigest(other)];
    const answer = await serving.send(`PATCH ${location}`, last, other);
    expect([answer.status, answer.json.verdict]).toEqual([201, "verified"]);
  });

  test.each([
    ["first", ["md5", "sha-256"]],
    ["last", ["sha-256", "md5"]],
  ])("is as strong as the weakest checksum of its parts, which came %s", async (_when, algorithms) => {
    const serving = await serve(kind, { require: ["sha-256"] });
    const location = await create(serving);
    const digestBy = (name: string, bytes: Uint8Array): string =>
      `Content-Digest: ${name}=:${base64(name.replace("-", ""), bytes)}:`;
    const [one = "", two = ""] = algorithms;
    await serving.send(`PATCH ${location}`, [...appending(0, "?0"), digestBy(one, content)], content);
    const last = [...appending(content.length, "?1"), digestBy(two, other)];
    const refused = await serving.send(`PATCH ${location}`, last, other);
    expect([refused.status, refused.json.verdict]).toEqual([400, "missing"]);
    const all = Buffer.concat([content, other]);
    const done = [...appending(all.length, "?1"), reprDigest(all)];
    expect((await serving.send(`PATCH ${location}`, done)).status).toBe(201);
  });

  test("counts the strongest of several checksums of a part", async () => {
    const serving = await serve(kind, { require: ["sha-256"] });
    const location = await create(serving);
    const both = `${contentDigest(content)}, md5=:${base64("md5", content)}:`;
    const answer = await serving.send(`PATCH ${location}`, [...appending(0, "?1"), both], content);
    expect([answer.status, answer.json.verdict]).toEqual([201, "verified"]);
  });

  test("does not count checksums of an algorithm that the server leaves aside", async () => {
    const serving = await serve(kind, { algorithms: ["sha-256"] });
    const location = await create(serving);
    const md5Only = `Content-Digest: md5=:${base64("md5", content)}:`;
    const refused = await serving.send(`PATCH ${location}`, [...appending(0, "?1"), md5Only], content);
    expect(refused.status).toBe(400);
    expect(await serving.store.open("a")).toBeUndefined();
  });

  test("refuses what does not fit, with the problem types of the draft, and keeps what it has", async () => {
    const serving = await serve(kind);
    const location = await create(serving, ["Upload-Length: 30"]);
    await serving.send(`PATCH ${location}`, appending(0, "?0"), content);
    const offset = await serving.send(`PATCH ${location}`, appending(3, "?0"), content);
    expect(offset.status).toBe(409);
    expect(offset.field("Upload-Offset")).toBe(String(content.length));
    expect(offset.field("Upload-Complete")).toBe("?0");
    expect(offset.json).toMatchObject({
      type: "https://iana.org/assignments/http-problem-types#mismatching-upload-offset",
      "expected-offset": content.length,
      "provided-offset": 3,
    });
    const inconsistent = "https://iana.org/assignments/http-problem-types#inconsistent-upload-length";
    for (const fields of [appending(content.length, "?0"), appending(content.length, "?1")]) {
      const answer = await serving.send(`PATCH ${location}`, fields, content);
      expect([answer.status, answer.json.type]).toEqual([400, inconsistent]);
    }
    expect((await serving.send(`HEAD ${location}`)).field("Upload-Offset")).toBe(String(content.length));
    // More than was announced cannot be right: the upload is given up.
    const chunks = [...appending(content.length, "?0"), "Transfer-Encoding: chunked"];
    expect((await serving.send(`PATCH ${location}`, chunks, chunked([content]))).json.type).toBe(inconsistent);
    expect((await serving.send(`HEAD ${location}`)).status).toBe(404);
  });

  test.each([
    ["another media type", ["Content-Type: text/plain", "Upload-Offset: 0", "Upload-Complete: ?0"], 415],
    ["no offset", ["Content-Type: application/partial-upload", "Upload-Complete: ?0"], 400],
    ["an invalid value", ["Content-Type: application/partial-upload", "Upload-Offset: 0", "Upload-Complete: 1"], 400],
    ["an unknown field", [...appending(0, "?0"), "Upload-Colour: red"], 400],
    ["a condition", [...appending(0, "?0"), "If-Match: *"], 400],
  ])("refuses an append with %s", async (_what, fields, status) => {
    const serving = await serve(kind);
    const location = await create(serving);
    expect((await serving.send(`PATCH ${location}`, fields, content)).status).toBe(status);
    expect((await serving.send(`HEAD ${location}`)).field("Upload-Offset")).toBe("0");
  });

  test("is gone after it was cancelled, and answers no other method", async () => {
    const serving = await serve(kind);
    const location = await create(serving);
    const get = await serving.send(`GET ${location}`);
    expect([get.status, get.field("Allow")]).toEqual([405, "HEAD, PATCH, DELETE, OPTIONS"]);
    expect((await serving.send(`DELETE ${location}`)).status).toBe(204);
    expect((await serving.send(`HEAD ${location}`)).status).toBe(404);
    expect((await serving.send(`HEAD /.trailsum/uploads/${"0".repeat(32)}`)).status).toBe(404);
  });

  test("holds the conditions of its creation when it is completed", async () => {
    const serving = await serve(kind);
    const location = await create(serving, ["If-None-Match: *"]);
    await serving.send(`PATCH ${location}`, appending(0, "?0"), content);
    await put(serving.store, "a", other);
    const answer = await serving.send(`PATCH ${location}`, [...appending(content.length, "?1"), reprDigest(content)]);
    expect(answer.status).toBe(412);
    expect(await readObject(serving.store, "a")).toEqual(other);
    const early = await serving.send("PUT /a", [version, "Upload-Complete: ?0", "If-None-Match: *"], content);
    expect(early.status).toBe(412);
  });

  test("can be used only by clients that may write its target", async () => {
    const serving = await serve(kind, {
      authorize: ({ target, header }) => header.get("Authorization") === "Bearer a" || !target.startsWith("/a"),
    });
    const token = "Authorization: Bearer a";
    const location = await create(serving, [token]);
    for (const method of ["HEAD", "PATCH", "DELETE"]) {
      expect((await serving.send(`${method} ${location}`, appending(0, "?0"))).status).toBe(403);
    }
    expect((await serving.send(`HEAD ${location}`, [token])).status).toBe(204);
  });

  test("is bounded in number for each client, in bytes for all, and expires", async () => {
    const { store, send } = await serve(kind, { maxUploads: 8, maxUploadBytes: 50, uploadExpiry: 600 });
    const location = (await send("PUT /a", [version, "Upload-Complete: ?0"], content)).field("Location")!;
    await send(`PATCH ${location}`, appending(content.length, "?0"), content);
    const tooMuch = await send(`PATCH ${location}`, appending(2 * content.length, "?0"), content);
    expect(tooMuch.status).toBe(507);
    expect(Number(tooMuch.field("Retry-After"))).toBeGreaterThan(0);
    expect((await send("PUT /b", [version, "Upload-Complete: ?0", "Upload-Length: 13"])).status).toBe(507);
    expect((await send("PUT /b", [version, "Upload-Complete: ?0"])).status).toBe(201);
    const tooMany = await send("PUT /c", [version, "Upload-Complete: ?0"]);
    expect(tooMany.status).toBe(429);
    expect(Number(tooMany.field("Retry-After"))).toBeGreaterThan(0);
    await expect.poll(async () => (await send(`HEAD ${location}`)).status).toBe(404);
    const left = async (): Promise<number> => {
      let count = 0;
      for await (const _ of store.uploads.entries()) count += 1;
      return count;
    };
    await expect.poll(left).toBe(0);
    expect((await send("PUT /c", [version, "Upload-Complete: ?0"])).status).toBe(201);
  });
});

test("an upload continues at another server on the same directory", async () => {
  const { directory, store } = await directoryFixture();
  const first = await serve("our server", { store });
  const location = await create(first);
  await first.send(`PATCH ${location}`, appending(0, "?0"), content);
  const second = await serve("our server", { store: await createDirectoryStore({ directory }) });
  expect((await second.send(`HEAD ${location}`)).field("Upload-Offset")).toBe(String(content.length));
  const all = Buffer.concat([content, other]);
  const last = [...appending(content.length, "?1"), reprDigest(all)];
  expect((await second.send(`PATCH ${location}`, last, other)).status).toBe(201);
  expect(await readObject(store, "a")).toEqual(all);
});

test("OPTIONS says what is supported, at any target", async () => {
  const { send } = await serve("our server", { maxSize: 1000 });
  const answer = await send("OPTIONS /any");
  expect(answer.field("Upload-Draft-Interop-Version")).toBe("8");
  expect(answer.field("Upload-Limit")).toBe("max-size=1000, max-age=86400");
  expect(answer.field("Tus-Version")).toBe("1.0.0");
  expect(answer.field("Tus-Max-Size")).toBe("1000");
});
