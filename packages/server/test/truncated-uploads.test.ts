import { rawClient } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { content, directoryFixture, handle, md5, request } from "./peer.ts";

/** What was sent before the connection went away. */
const cuts: readonly (readonly [string, string])[] = [
  ["after the head", ""],
  ["within a chunk size", "1"],
  ["after a chunk size", "13\r\n"],
  ["within a chunk", '13\r\n{"hello"'],
  ["after a chunk's bytes", '13\r\n{"hello": "world"}\n'],
  ["before the last chunk", '13\r\n{"hello": "world"}\n\r\n'],
  ["within the last chunk", '13\r\n{"hello": "world"}\n\r\n0'],
  ["before the trailers", '13\r\n{"hello": "world"}\n\r\n0\r\n'],
  ["within the trailers", '13\r\n{"hello": "world"}\n\r\n0\r\nMd5: 5015'],
  ["before the last line end", `13\r\n{"hello": "world"}\n\r\n0\r\nMd5: ${md5(content)}\r\nSize: 19\r\n`],
  ["within the last line end", `13\r\n{"hello": "world"}\n\r\n0\r\nMd5: ${md5(content)}\r\nSize: 19\r\n\r`],
];

describe.each([
  ["resets", "reset"],
  ["ends", "end"],
] as const)("a client that %s its connection", (_how, close) => {
  test.each(cuts)("%s leaves nothing behind", async (_where, body) => {
    const { store, visible, staged, records } = await directoryFixture();
    const reported: string[] = [];
    const log = (line: string): void => void reported.push(line);
    const { port, settled, server } = await handle({ store, logger: { info: log, warn: log, error: log } });
    const arrived = new Promise((resolve) => server.once("request", resolve));
    const client = await rawClient(port);
    await client.write(request("PUT /it", ["Transfer-Encoding: chunked", "Trailer: Md5, Size"], body));
    await arrived;
    client[close]();
    await client.readToEnd();
    await client.closed;
    await settled();
    expect(reported).toEqual([expect.stringContaining("aborted")]);
    expect([await visible(), await staged(), await records()]).toEqual([[], [], []]);
    // A server that ends a truncated transfer cleanly would have answered 2xx.
    expect(client.received.toString("latin1")).not.toMatch(/^HTTP\/1\.1 2/);
  });

  test("within content of known length leaves nothing behind", async () => {
    const { store, visible, staged } = await directoryFixture();
    const { port, settled, server } = await handle({ store });
    const arrived = new Promise((resolve) => server.once("request", resolve));
    const client = await rawClient(port);
    const fields = [`Content-Length: ${content.length}`, `Md5: ${md5(content)}`];
    await client.write(request("PUT /it", fields, content.subarray(0, -1)));
    await arrived;
    client[close]();
    await client.closed;
    await settled();
    expect([await visible(), await staged()]).toEqual([[], []]);
  });
});

test.each([
  ["an invalid chunk size", "zz\r\n"],
  ["a chunk longer than its size", '5\r\n{"hello": "world"}\n\r\n0\r\n\r\n'],
  ["a folded trailer line", '13\r\n{"hello": "world"}\n\r\n0\r\nMd5: a\r\n b\r\n\r\n'],
  ["Content-Length among the trailers", '13\r\n{"hello": "world"}\n\r\n0\r\nContent-Length: 19\r\n\r\n'],
])("%s is refused, and leaves nothing behind", async (_what, body) => {
  const { store, visible, staged } = await directoryFixture();
  const { port, settled } = await handle({ store });
  const client = await rawClient(port);
  await client.write(request("PUT /it", ["Transfer-Encoding: chunked"], body));
  expect((await client.readToEnd()).toString("latin1")).toMatch(/^HTTP\/1\.1 400 /);
  await settled();
  expect([await visible(), await staged()]).toEqual([[], []]);
});

test("a client that falls silent is answered 408 and let go", async () => {
  const { store, visible, staged } = await directoryFixture();
  const { port, settled } = await handle({ store, idleTimeout: 50 });
  const client = await rawClient(port);
  await client.write(request("PUT /it", ["Transfer-Encoding: chunked"], "13\r\n{"));
  expect((await client.readToEnd()).toString("latin1")).toMatch(/^HTTP\/1\.1 408 .*"status":408/s);
  await settled();
  expect([await visible(), await staged()]).toEqual([[], []]);
});

test("a slow drip, byte for byte, arrives whole", async () => {
  const { store, visible } = await directoryFixture();
  const { port } = await handle({ store, idleTimeout: 5_000 });
  const client = await rawClient(port);
  const bytes = request(
    "PUT /it",
    ["Transfer-Encoding: chunked", "Trailer: Md5"],
    `13\r\n{"hello": "world"}\n\r\n0\r\nMd5: ${md5(content)}\r\n\r\n`,
  );
  for (const byte of bytes) {
    await client.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await client.readHead()).toString("latin1")).toMatch(/^HTTP\/1\.1 201 /);
  expect(await visible()).toEqual(["it"]);
});
