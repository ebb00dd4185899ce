import { parseProbeReport } from "@trailsum/shared";
import { rawClient, type RawConnection } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createMemoryStore, createUploadServer, type UploadServerOptions } from "../src/index.ts";

async function serve(options: Partial<UploadServerOptions> = {}) {
  const store = createMemoryStore();
  const server = createUploadServer({ store, listen: { port: 0 }, ...options });
  const { port } = await server.listen();
  onTestFinished(() => server.close({ graceMs: 0 }));
  return { port, store };
}

const HEAD = "POST /.trailsum/probe HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n";

async function reportOf(client: RawConnection) {
  client.end();
  const text = (await client.readToEnd()).toString();
  return parseProbeReport(/^\{.*\}$/m.exec(text)?.[0] ?? "");
}

test("a probe is answered with what arrived of it, and nothing is stored", async () => {
  const { port, store } = await serve();
  const client = await rawClient(port);
  await client.write(`${HEAD}TE: trailers\r\nTrailer: Size\r\nX-Other: 1\r\n\r\n8\r\ntrailsum\r\n0\r\nSize: 8\r\n\r\n`);
  const head = (await client.readHead()).toString();
  expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(head).toMatch(/\r\nCache-Control: no-store\r\n/i);
  const body = (await client.readUntil("Server-Timing: probe\r\n\r\n")).toString();
  expect(body).toContain('"trailers":["size"]');
  client.destroy();
  expect(await store.open("probe")).toBeUndefined();
  const again = await rawClient(port);
  await again.write(`${HEAD}\r\n8\r\ntrailsum\r\n0\r\n\r\n`);
  expect(await reportOf(again)).toMatchObject({ method: "POST", size: 8, trailers: [], httpVersion: "1.1" });
});

test("a probe that asks for it is answered while its content still comes, and is sent a 104", async () => {
  const { port } = await serve();
  const client = await rawClient(port);
  await client.write(`${HEAD.replace("probe", "probe?early")}Upload-Draft-Interop-Version: 8\r\n\r\n1\r\n.\r\n`);
  expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 104 /);
  expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 200 /);
  await client.write("1\r\n.\r\n0\r\n\r\n");
  expect(await reportOf(client)).toMatchObject({ size: 2, fields: ["upload-draft-interop-version"] });
});

test.each([
  ["without the credentials of a write", { authorize: () => false }, 403],
  ["of a server that is read only", { readOnly: true }, 403],
])("a probe %s is refused", async (_what, options, status) => {
  const { port } = await serve(options);
  const client = await rawClient(port);
  await client.write(`${HEAD}\r\n0\r\n\r\n`);
  expect((await client.readHead()).toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  client.destroy();
});

test("a probe of more than 64 KiB is refused", async () => {
  const { port } = await serve();
  const client = await rawClient(port);
  await client.write(`${HEAD}\r\n10001\r\n${"x".repeat(65_537)}\r\n`);
  expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 413 /);
  client.destroy();
});

test("an OPTIONS with content of that type and a trailer says what is supported, and what arrived of it", async () => {
  const { port, store } = await serve();
  const question = [
    "OPTIONS /a/it HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked",
    "Content-Type: application/vnd.trailsum.probe\r\n",
    "0\r\nSize: 0\r\n\r\n",
  ].join("\r\n");
  const client = await rawClient(port);
  await client.write(question);
  const head = (await client.readHead()).toString();
  expect(head).toMatch(/^HTTP\/1\.1 200 /);
  for (const field of ["Upload-Limit: ", "Upload-Draft-Interop-Version: 8", "Link: <../.trailsum/probe>", "Allow: "])
    expect(head).toContain(`\r\n${field}`);
  expect(await reportOf(client)).toMatchObject({ method: "OPTIONS", size: 0, trailers: ["size"] });
  expect(await store.open("a/it")).toBeUndefined();
  // Of a server that is read only there is nothing to find out.
  const other = await rawClient((await serve({ readOnly: true })).port);
  await other.write(question);
  expect((await other.readHead()).toString()).toMatch(/^HTTP\/1\.1 204 (?![^]*Upload-)/);
  other.destroy();
});

test("OPTIONS says where probes are answered, relative to the target", async () => {
  const { port } = await serve();
  const client = await rawClient(port);
  await client.write("OPTIONS /a/b/it HTTP/1.1\r\nHost: test\r\n\r\n");
  expect((await client.readHead()).toString()).toContain('<../../.trailsum/probe>; rel="urn:trailsum:probe"');
  client.destroy();
});
