import { describe, expect, test } from "vitest";

import { createMemoryStore } from "../src/index.ts";
import { protocols } from "./http2-peer.ts";
import { content, directoryFixture, etag, exchange, handle, other, readObject, request } from "./peer.ts";
import { put } from "./store-contract.ts";

describe.each(protocols)("DELETE over %s", (_protocol, via) => {
  test.each([
    ["without a condition", []],
    ["of the version that is expected", [`If-Match: "x", ${etag(content)}`]],
    ["of any version", ["If-Match: *"]],
  ])("%s removes the object: 204, and 404 from then on", async (_which, fields) => {
    const { store } = await directoryFixture();
    const { port } = await via.handle({ store });
    await put(store, "a/it", content);
    expect((await via.exchange(port, request("DELETE /a/it", fields))).status).toBe(204);
    expect((await via.exchange(port, request("GET /a/it"))).status).toBe(404);
    expect((await via.exchange(port, request("DELETE /a/it"))).status).toBe(404);
  });

  test.each([
    ['If-Match: "x"', 412],
    [`If-Match: W/${etag(content)}`, 412],
    ["If-None-Match: *", 412],
    ["If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 412],
    ["Range: bytes=0-1", 400],
    ["If: (<urn:uuid:1>)", 400],
  ])("with %s is refused: %i", async (field, status) => {
    const { port, store } = await via.handle();
    await put(store, "it", content);
    expect((await via.exchange(port, request("DELETE /it", [field]))).status).toBe(status);
    expect(await readObject(store, "it")).toEqual(content);
  });

  test.each(["/it?", "/it?versionId=1", "/it/", "/"])("of %s is refused: 400", async (target) => {
    const { port, store } = await via.handle();
    await put(store, "it", content);
    expect((await via.exchange(port, request(`DELETE ${target}`))).status).toBe(400);
    expect(await readObject(store, "it")).toEqual(content);
  });
});

test("DELETE with content is refused: 400", async () => {
  const { port, store } = await handle();
  await put(store, "it", content);
  expect((await exchange(port, request("DELETE /it", ["Content-Length: 1"], "x"))).status).toBe(400);
  expect(await readObject(store, "it")).toEqual(content);
});

test("DELETE is not allowed where only reading is: 405", async () => {
  const store = createMemoryStore();
  await put(store, "it", content);
  const { port } = await handle({ store, readOnly: true });
  const answer = await exchange(port, request("DELETE /it"));
  expect([answer.status, answer.field("Allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
});

test("of 8 clients that remove a version, one does, and a newer version stays", async () => {
  const { store } = await directoryFixture();
  const { port } = await handle({ store });
  await put(store, "it", content);
  const remove = request("DELETE /it", [`If-Match: ${etag(content)}`]);
  const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(port, remove)));
  expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 404)).toHaveLength(7);
  await put(store, "it", other);
  expect((await exchange(port, remove)).status).toBe(412);
  expect(await readObject(store, "it")).toEqual(other);
});
