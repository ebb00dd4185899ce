import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { listen, rawClient } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { type UploadLogger, verifyRequest } from "../src/index.ts";
import { exchange, handle, handling, request, upload } from "./peer.ts";

/** A server of an application's own, with a limit of Node's on whole requests. */
const limited = () => createServer({ headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 20 });

test("an upload that Node's requestTimeout aborts fails with a message that says so", async () => {
  const failed = Promise.withResolvers<unknown>();
  const server = limited().on("request", (req) => {
    text(verifyRequest(req).body).catch(failed.resolve);
  });
  const { port } = await listen(server);
  const client = await rawClient(port);
  await client.write(request("PUT /slow", ["Transfer-Encoding: chunked"], "1\r\na\r\n"));
  expect(await failed.promise).toMatchObject({
    code: "TIMEOUT",
    message: "node:http ended the request after its requestTimeout of 0.2 s: set server.requestTimeout to 0",
  });
  client.destroy();
});

/** A logger, and what it has been warned of. */
function recording(): { readonly logger: UploadLogger; readonly warnings: string[] } {
  const warnings: string[] = [];
  return { logger: { info() {}, warn: (message) => warnings.push(message), error() {} }, warnings };
}

test("the handler warns once of a server that limits whole requests", async () => {
  const { logger, warnings } = recording();
  const { port } = await handling(createServer(), { logger });
  await exchange(port, upload("/a"));
  await exchange(port, upload("/b"));
  expect(warnings).toEqual([
    "uploads that take longer than 300 s are aborted by node:http: set server.requestTimeout to 0",
  ]);
});

test("the handler warns of nothing where the server does not limit whole requests", async () => {
  const { logger, warnings } = recording();
  const { port } = await handle({ logger });
  await exchange(port, upload("/a"));
  expect(warnings).toEqual([]);
});
