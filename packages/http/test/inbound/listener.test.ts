import { certificate, rawClient } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createListener } from "../../src/inbound/index.ts";

/** A listener that waits so many milliseconds for a client to begin, and counts the requests that reach it. */
async function impatient({ secure, patience = 50 }: { readonly secure: boolean; readonly patience?: number }) {
  const { cert, key } = await certificate();
  const versions: string[] = [];
  const listener = createListener({
    async handle(exchange) {
      versions.push(exchange.request.httpVersion);
      exchange.abort();
      exchange.conclude();
    },
    tls: secure ? { cert, key } : undefined,
    limits: { maxHeaderSize: 16_384, maxFields: 1_000, maxTrailerSize: 16_384 },
    timeouts: { keepAlive: patience, head: patience, idle: patience, minRate: 0 },
  });
  onTestFinished(() => listener.close(0));
  return { port: (await listener.listen({ host: "127.0.0.1", port: 0 })).port, versions };
}

test.each([
  ["sends nothing", ""],
  ["stops within what may become a preface", "PRI * HTTP/2.0\r\n"],
])("a client that %s is disconnected", async (_what, bytes) => {
  const { port, versions } = await impatient({ secure: false });
  const client = await rawClient(port);
  if (bytes !== "") await client.write(bytes);
  expect(await client.readToEnd()).toHaveLength(0);
  expect(versions).toEqual([]);
});

test.each([
  ["stops within a TLS handshake", "\x16\x03\x01"],
  ["does not speak TLS", "GET / HTTP/1.1\r\nHost: test\r\n\r\n"],
])("a client that %s is disconnected", async (_what, bytes) => {
  const { port, versions } = await impatient({ secure: true });
  const client = await rawClient(port);
  await client.write(bytes);
  await client.readToEnd();
  expect(versions).toEqual([]);
});

test("a client that offers only unknown protocols is refused", async () => {
  const { port } = await impatient({ secure: true });
  const { cert } = await certificate();
  await expect(rawClient(port, { tls: { ca: cert, ALPNProtocols: ["h3"] } })).rejects.toMatchObject({
    code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
  });
});

test("a client that offers http/1.0 alone is served", async () => {
  const { port, versions } = await impatient({ secure: true, patience: 30_000 });
  const { cert } = await certificate();
  const client = await rawClient(port, { tls: { ca: cert, ALPNProtocols: ["http/1.0"] } });
  await client.write("GET / HTTP/1.0\r\n\r\n");
  await expect.poll(() => versions, { timeout: 30_000 }).toEqual(["1.0"]);
});

test("a connection that is lost before it begins is removed", async () => {
  const { port, versions } = await impatient({ secure: false });
  const client = await rawClient(port);
  await client.write("PR");
  client.reset();
  await client.closed;
  expect(versions).toEqual([]);
});
