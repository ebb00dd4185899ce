import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server } from "node:http2";

import { certificate, listen, rawClient } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { createPort } from "../src/port.ts";

/** A port that has little patience. */
async function opened(secure: boolean) {
  const { cert, key } = await certificate();
  const [http1, http2] = [createHttp1Server(), createHttp2Server()];
  const accepted: string[] = [];
  http1.on("connection", () => accepted.push("HTTP/1.1"));
  http2.on("session", () => accepted.push("HTTP/2"));
  const { port } = await listen(createPort(http1, http2, { timeout: 50, tls: secure ? { cert, key } : undefined }));
  return { port, accepted };
}

test.each([
  ["sends nothing", ""],
  ["stops within what may become a preface", "PRI * HTTP/2.0\r\n"],
])("who %s is not waited for", async (_what, bytes) => {
  const { port, accepted } = await opened(false);
  const client = await rawClient(port);
  if (bytes !== "") await client.write(bytes);
  expect(await client.readToEnd()).toHaveLength(0);
  expect(accepted).toEqual([]);
});

test.each([
  ["stops within a TLS handshake", "\x16\x03\x01"],
  ["speaks something else than TLS", "GET / HTTP/1.1\r\nHost: test\r\n\r\n"],
])("who %s is not waited for", async (_what, bytes) => {
  const { port, accepted } = await opened(true);
  const client = await rawClient(port);
  await client.write(bytes);
  await client.readToEnd();
  expect(accepted).toEqual([]);
});

test("who offers a protocol that is not spoken here is refused", async () => {
  const { port, accepted } = await opened(true);
  const { cert } = await certificate();
  await expect(rawClient(port, { tls: { ca: cert, ALPNProtocols: ["h3"] } })).rejects.toMatchObject({
    code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
  });
  expect(accepted).toEqual([]);
});

test("a client that offers only http/1.0 is served by the HTTP/1.1 server", async () => {
  const { port, accepted } = await opened(true);
  const { cert } = await certificate();
  await rawClient(port, { tls: { ca: cert, ALPNProtocols: ["http/1.0"] } });
  await expect.poll(() => accepted).toEqual(["HTTP/1.1"]);
});

test("a client that disconnects before it sends anything is released", async () => {
  const { port, accepted } = await opened(false);
  const client = await rawClient(port);
  await client.write("PR");
  client.reset();
  await client.closed;
  expect(accepted).toEqual([]);
});
