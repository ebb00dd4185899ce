import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { rawClient } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { createMemoryStore } from "../src/index.ts";
import { protocols } from "./http2-peer.ts";
import {
  answerOf,
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
import { put } from "./store-contract.ts";

const stores = [
  ["the memory store", async () => createMemoryStore()],
  ["the directory store", async () => (await directoryFixture()).store],
] as const;

describe.each(protocols)("conditional reads, over %s", (_protocol, { handle: start, exchange: send }) => {
  test.each(["GET", "HEAD"])("%s gives the entity tag, and 304 to a client that has it", async (method) => {
    const { port, store } = await start();
    await put(store, "it", content);
    const head = method === "HEAD";
    const whole = await send(port, request(`${method} /it`), { head });
    expect([whole.status, whole.field("ETag")]).toEqual([200, etag(content)]);
    for (const field of [
      `If-None-Match: ${etag(content)}`,
      `If-None-Match: "x", W/${etag(content)}`,
      `If-Modified-Since: ${whole.field("Last-Modified")}`,
    ]) {
      // A 304 has no content, whatever the method (RFC 9110 section 15.4.5).
      const answer = await send(port, request(`${method} /it`, [field]), { head: true });
      expect([answer.status, answer.field("ETag")]).toEqual([304, etag(content)]);
      expect(answer.message.body).toHaveLength(0);
    }
  });

  test.each(['If-Match: "x"', `If-Match: W/${etag(content)}`, "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"])(
    "GET with %s: 412",
    async (field) => {
      const { port, store } = await start();
      await put(store, "it", content);
      const answer = await send(port, request("GET /it", [field]));
      expect([answer.status, answer.json["status"]]).toEqual([412, 412]);
    },
  );

  test("a condition on what is not there is a 404 to GET", async () => {
    const { port } = await start();
    expect((await send(port, request("GET /it", ["If-Match: *"]))).status).toBe(404);
  });
});

describe.each(stores)("conditional writes into %s", (_name, create) => {
  const rows: [field: string, stored: Buffer | undefined, status: number][] = [
    ["If-None-Match: *", undefined, 201],
    ["If-None-Match: *", content, 412],
    [`If-None-Match: ${etag(content)}`, content, 412],
    [`If-None-Match: ${etag(other)}`, content, 200],
    ["If-Match: *", undefined, 412],
    ["If-Match: *", content, 200],
    [`If-Match: ${etag(content)}`, content, 200],
    [`If-Match: W/${etag(content)}`, content, 412],
    [`If-Match: ${etag(other)}`, content, 412],
    ["If-Match: unquoted", content, 412],
    ["If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", content, 412],
    ["If-Unmodified-Since: Thu, 01 Jan 2099 00:00:00 GMT", content, 200],
  ];

  describe.each(["PUT", "POST"])("%s", (method) => {
    test.each(rows)("with %s", async (field, stored, status) => {
      const { port, store } = await handle({ store: await create() });
      if (stored !== undefined) await put(store, "it", stored);
      const fields = ["Transfer-Encoding: chunked", "Trailer: Md5", field];
      const answer = await exchange(port, request(`${method} /it`, fields, chunked([other], [`Md5: ${md5(other)}`])));
      expect(answer.status).toBe(status);
      expect(await readObject(store, "it")).toEqual(status === 412 ? stored : other);
    });
  });

  test("the condition is refused before the content is sent", async () => {
    const { port, store } = await handle({ store: await create() });
    await put(store, "it", content);
    const client = await rawClient(port);
    void client.write(request("PUT /it", ["Transfer-Encoding: chunked", "Expect: 100-continue", "If-None-Match: *"]));
    expect((await readResponse(client)).startLine).toContain(" 412 ");
  });

  test("what is stored while the content arrives is not overwritten", async () => {
    const { port, store } = await handle({ store: await create() });
    const client = await rawClient(port);
    const fields = ["Transfer-Encoding: chunked", "Trailer: Md5", "Expect: 100-continue", "If-None-Match: *"];
    void client.write(request("PUT /it", fields));
    expect((await client.readHead()).toString()).toContain(" 100 ");
    await put(store, "it", content);
    void client.write(chunked([other], [`Md5: ${md5(other)}`]));
    expect(answerOf(await readResponse(client)).status).toBe(412);
    expect(await readObject(store, "it")).toEqual(content);
  });

  test("of 16 clients that create one object, one does", async () => {
    const { port, store } = await handle({ store: await create() });
    const versions = Array.from({ length: 16 }, (_, at) => Buffer.from(`version ${at}`));
    const answers = await Promise.all(
      versions.map((bytes) => exchange(port, upload("/it", bytes, ["If-None-Match: *"]))),
    );
    const created = answers.flatMap(({ status }, at) => (status === 201 ? [versions[at]!] : []));
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(15);
    expect(created).toEqual([await readObject(store, "it")]);
  });

  test("16 clients that update one object by If-Match lose no update", async () => {
    const { port, store } = await handle({ store: await create() });
    await put(store, "it", Buffer.from("0"));
    const increment = async (): Promise<void> => {
      for (;;) {
        const before = await exchange(port, request("GET /it"));
        const next = Buffer.from(String(Number(before.message.body.toString()) + 1));
        const answer = await exchange(port, upload("/it", next, [`If-Match: ${before.field("ETag")}`]));
        if (answer.status === 200) return;
        expect(answer.status).toBe(412);
      }
    };
    await Promise.all(Array.from({ length: 16 }, increment));
    expect((await readObject(store, "it"))?.toString()).toBe("16");
  });
});

test("a stored upload is answered with its entity tag", async () => {
  const { port } = await handle();
  expect((await exchange(port, upload("/it"))).field("ETag")).toBe(etag(content));
  expect((await exchange(port, upload("/it", other))).field("ETag")).toBe(etag(other));
});

test("a file that another program stored there has an entity tag, computed from its bytes", async () => {
  const { directory, store } = await directoryFixture();
  const { port } = await handle({ store });
  await writeFile(join(directory, "it"), content);
  expect((await exchange(port, request("HEAD /it"), { head: true })).field("ETag")).toBe(etag(content));
  await writeFile(join(directory, "it"), other);
  expect((await exchange(port, upload("/it", content, [`If-Match: ${etag(content)}`]))).status).toBe(412);
  expect((await exchange(port, upload("/it", content, [`If-Match: ${etag(other)}`]))).status).toBe(200);
});

test("a file dated in the future is sent with a Last-Modified that is not later than Date", async () => {
  const { directory, store } = await directoryFixture();
  const { port } = await handle({ store });
  await writeFile(join(directory, "it"), content);
  await utimes(join(directory, "it"), new Date("2100-01-01"), new Date("2100-01-01"));
  const answer = await exchange(port, request("GET /it"));
  const [date, modified] = ["Date", "Last-Modified"].map((name) => Date.parse(answer.field(name)!));
  expect(modified).toBeLessThanOrEqual(date!);
  expect(modified).toBeGreaterThan(date! - 60_000);
});
