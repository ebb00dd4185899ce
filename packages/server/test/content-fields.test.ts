import { expect, test } from "vitest";

import { createDirectoryStore } from "../src/index.ts";
import { protocols } from "./http2-peer.ts";
import { chunked, content, directoryFixture, exchange, handle, md5, request, upload } from "./peer.ts";

const kept = ["Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition"] as const;

test.each(protocols)("the fields of an upload are returned with GET and HEAD, over %s", async (_protocol, via) => {
  const { port } = await via.handle();
  const fields = [
    "Content-Type: text/plain; charset=utf-8",
    "Content-Encoding: gzip",
    "Content-Encoding: identity",
    "Content-Language: en, de",
    "Content-Disposition: attachment; filename=it.txt.gz",
  ];
  expect((await via.exchange(port, upload("/it", content, fields))).status).toBe(201);
  for (const method of ["GET", "HEAD"]) {
    const answer = await via.exchange(port, request(`${method} /it`), { head: method === "HEAD" });
    expect(kept.map((name) => answer.field(name))).toEqual([
      "text/plain; charset=utf-8",
      "gzip",
      "en, de",
      "attachment; filename=it.txt.gz",
    ]);
    expect(answer.field("Cache-Control")).toBe("no-cache");
  }
});

test("fields outlast the store, and are replaced as a whole", async () => {
  const { directory, store } = await directoryFixture();
  const before = await handle({ store });
  const described = ["Content-Type: text/css", "Content-Language: fr", "Content-Disposition: inline; filename=\xe9"];
  await exchange(before.port, upload("/it", content, described));
  const { port } = await handle({ store: await createDirectoryStore({ directory }) });
  const answer = await exchange(port, request("GET /it"));
  expect(kept.map((name) => answer.field(name))).toEqual(["text/css", undefined, "fr", "inline; filename=\xe9"]);
  await exchange(port, upload("/it", content, ["Content-Encoding: br"]));
  const replaced = await exchange(port, request("GET /it"));
  expect(kept.map((name) => replaced.field(name))).toEqual(["application/octet-stream", "br", undefined, undefined]);
});

test.each(["Content-Type: text/plain", "Content-Disposition: inline"])("%s and another: 400", async (line) => {
  const { port, store } = await handle();
  const twice = await exchange(port, upload("/it", content, [line, `${line}; x=1`]));
  expect(twice.status).toBe(400);
  expect(await store.open("it")).toBeUndefined();
  expect((await exchange(port, upload("/it", content, [line, line]))).status).toBe(201);
});

test("more than 8 KiB of them: 431, before the content is sent", async () => {
  const { port } = await handle();
  const long = `Content-Disposition: attachment; filename=${"x".repeat(9_000)}`;
  const fields = ["Transfer-Encoding: chunked", "Trailer: Md5", "Expect: 100-continue", long];
  expect((await exchange(port, request("PUT /it", fields))).status).toBe(431);
});

test.each([
  ["text/html", "sandbox allow-downloads"],
  ["image/svg+xml", "sandbox allow-downloads"],
  ["application/pdf, text/html", "sandbox allow-downloads"],
  ["application/pdf", undefined],
])("%s cannot act for this site in a browser", async (type, policy) => {
  const { port } = await handle();
  await exchange(port, upload("/it", content, [`Content-Type: ${type}`]));
  const answer = await exchange(port, request("GET /it"));
  expect(answer.field("Content-Type")).toBe(type);
  expect(answer.field("Content-Security-Policy")).toBe(policy);
  expect(answer.field("X-Content-Type-Options")).toBe("nosniff");
});

test("digests of an upload with a coding are those of the coded content", async () => {
  const { port } = await handle();
  const coded = Buffer.from("1f8b08000000000002030300000000000000", "hex");
  const body = chunked([coded], [`Md5: ${md5(coded)}`]);
  const fields = ["Transfer-Encoding: chunked", "Trailer: Md5", "Content-Encoding: gzip"];
  expect((await exchange(port, request("PUT /it", fields, body))).status).toBe(201);
  expect((await exchange(port, request("GET /it"))).message.body).toEqual(coded);
});
