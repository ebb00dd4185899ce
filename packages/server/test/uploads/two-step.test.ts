import { describe, expect, test } from "vitest";

import { base64, chunked, content, etag, md5, other, readObject } from "../peer.ts";
import { serve, servers } from "./serving.ts";

const version = "Upload-Draft-Interop-Version: 8";
const digest = (bytes: Uint8Array): string => `Repr-Digest: sha-256=:${base64("sha256", bytes)}:`;
const completion = (offset: number): string[] => [
  version,
  `Upload-Offset: ${offset}`,
  "Upload-Complete: ?1",
  "Content-Type: application/partial-upload",
];

describe.each(servers)("an upload in two steps to %s", (kind) => {
  test("is staged by the first and published by the second, with the target's own answer", async () => {
    const { send, store } = await serve(kind);
    const staged = await send("PUT /a/b.txt", [version, "Upload-Complete: ?0", "Content-Type: text/x-test"], content);
    expect(staged.status).toBe(201);
    const location = staged.field("Location")!;
    expect(location).toMatch(/^\/\.trailsum\/uploads\/[0-9a-f]{32}$/);
    expect(staged.field("Upload-Offset")).toBe(String(content.length));
    expect(staged.field("Upload-Complete")).toBe("?0");
    expect(staged.field("Upload-Draft-Interop-Version")).toBe("8");
    expect(staged.field("Upload-Limit")).toMatch(/^min-size=0, max-age=86\d{3}$/);
    expect(await store.open("a/b.txt")).toBeUndefined();

    const answer = await send(`PATCH ${location}`, [...completion(content.length), digest(content)]);
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({ path: "a/b.txt", size: content.length, verdict: "verified", mode: "two-step" });
    expect(answer.json.digests).toMatchObject({ md5: md5(content) });
    expect(answer.field("Upload-Complete")).toBe("?1");
    expect(answer.field("ETag")).toBe(etag(content));
    expect(await readObject(store, "a/b.txt")).toEqual(content);
    const object = (await store.open("a/b.txt"))!;
    await object.close();
    expect(object.fields).toEqual([["Content-Type", "text/x-test"]]);
    expect(object.verified).toBeInstanceOf(Date);
  });

  test("is answered without a 104, which some proxies take for the final response, if it names no version", async () => {
    const { send } = await serve(kind);
    const named = await send("PUT /a", [version, "Upload-Complete: ?0"], content);
    expect(named.interim.map(({ status }) => status)).toContain(104);
    const unnamed = await send("PUT /a", ["Upload-Complete: ?0"], content);
    expect([unnamed.status, unnamed.field("Upload-Complete")]).toEqual([201, "?0"]);
    expect(unnamed.interim.filter(({ status }) => status !== 100)).toEqual([]);
  });

  test("meets a demand for fields of one message by its size and as strong a digest", async () => {
    const { send, store } = await serve(kind, { require: ["Md5", "Size"] });
    const staged = await send("PUT /a", [version, "Upload-Complete: ?0"], content);
    const weak = `Repr-Digest: crc32=:${Buffer.alloc(4).toString("base64")}:`;
    const kept = await send(`PATCH ${staged.field("Location")}`, completion(content.length));
    expect([kept.status, kept.json.verdict]).toEqual([400, "missing"]);
    const answer = await send(`PATCH ${kept.field("Location")}`, [...completion(content.length), digest(content)]);
    expect([answer.status, answer.json.verdict]).toEqual([201, "verified"]);
    expect(await readObject(store, "a")).toEqual(content);
    const another = await send("PUT /b", [version, "Upload-Complete: ?0"], content);
    expect((await send(`PATCH ${another.field("Location")}`, [...completion(content.length), weak])).status).toBe(400);
    // One request has room for the fields themselves.
    expect((await send("PUT /c", [digest(content)], content)).json.verdict).toBe("missing");
  });

  test("is refused, and gone, if the digest is that of other content", async () => {
    const { send, store } = await serve(kind);
    const staged = await send("PUT /a", [version, "Upload-Complete: ?0"], content);
    const location = staged.field("Location")!;
    const answer = await send(`PATCH ${location}`, [...completion(content.length), digest(other)]);
    expect([answer.status, answer.json.verdict]).toEqual([400, "mismatched"]);
    expect(await store.open("a")).toBeUndefined();
    expect((await send(`HEAD ${location}`)).status).toBe(404);
  });

  test("can be completed again with a digest, after it was refused for want of one", async () => {
    const { send, store } = await serve(kind);
    const staged = await send("PUT /a", [version, "Upload-Complete: ?0"], content);
    const refused = await send(`PATCH ${staged.field("Location")}`, completion(content.length));
    expect([refused.status, refused.json.verdict]).toEqual([400, "unverified"]);
    expect(refused.field("Location")).toBe(staged.field("Location"));
    const answer = await send(`PATCH ${refused.field("Location")}`, [...completion(content.length), digest(content)]);
    expect(answer.status).toBe(201);
    expect(await readObject(store, "a")).toEqual(content);
  });
});

describe.each(servers)("an upload whose trailers were lost on the way to %s", (kind) => {
  test.each([
    ["chunked, without the trailers", ["Transfer-Encoding: chunked", "Trailer: Md5, Size"], chunked([content])],
    ["buffered by a hop that gave it a length", ["Trailer: Md5, Size"], content],
    ["without its announcement", ["Want-Repr-Digest: sha-256=10, md5=1"], content],
  ])("%s is kept, and published by a request that brings the digest", async (_how, fields, body) => {
    const { send, store } = await serve(kind);
    const refused = await send("PUT /a", fields, body);
    expect(refused.status).toBe(400);
    expect(["missing", "unverified"]).toContain(refused.json.verdict);
    expect(refused.field("Upload-Offset")).toBe(String(content.length));
    expect(refused.field("Upload-Complete")).toBe("?0");
    expect(refused.field("Upload-Draft-Interop-Version")).toBe("8");
    expect(await store.open("a")).toBeUndefined();
    const answer = await send(`PATCH ${refused.field("Location")}`, [...completion(content.length), digest(content)]);
    expect(answer.status).toBe(201);
    expect(await readObject(store, "a")).toEqual(content);
  });

  test("is not kept if its digest was wrong, or if it never had one", async () => {
    const { send, store } = await serve(kind);
    const wrong = await send("PUT /a", [`Md5: ${md5(other)}`], content);
    const none = await send("PUT /a", ["Transfer-Encoding: chunked"], chunked([content]));
    for (const answer of [wrong, none]) {
      expect(answer.status).toBe(400);
      expect(answer.field("Location")).toBeUndefined();
    }
    for await (const { id } of store.uploads.entries()) throw new Error(`kept ${id}`);
  });
});
