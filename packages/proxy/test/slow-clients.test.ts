import { rawClient, httpServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { proxyServer, readMessage } from "./peers.ts";

// What each of them is given, to the second, is asked of one connection and a clock that stands still: `inbound/`.
test("a server whose patience is short refuses slow heads and uploads, and closes idle connections and untaken responses", async () => {
  const origin = await httpServer((request, response) => {
    if (request.url === "/large") response.end(Buffer.alloc(64 * 1_048_576));
    else request.resume().on("end", () => response.end("ok"));
  });
  const { port, records } = await proxyServer({
    target: origin.origin,
    headTimeout: 100,
    keepAliveTimeout: 500,
    idleTimeout: 100,
  });
  const [silent, head, idle, upload, deaf] = await Promise.all(Array.from({ length: 5 }, () => rawClient(port)));
  deaf!.socket.pause();
  await Promise.all([
    head!.write("GET / HTTP/1.1\r\nHo"),
    idle!.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    upload!.write("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf"),
    deaf!.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"),
  ]);
  expect((await readMessage(head!)).startLine).toBe("HTTP/1.1 408 Request Timeout");
  expect((await readMessage(upload!)).startLine).toBe("HTTP/1.1 408 Request Timeout");
  expect((await idle!.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/);
  expect((await silent!.readToEnd()).toString()).toBe("");
  const outcomes = (): Set<string> =>
    new Set(records.map(({ target, status, error }) => `${target} ${status} ${error?.code}`));
  await expect.poll(outcomes).toEqual(new Set(["/ 200 undefined", "/ 408 TIMEOUT", "/large 200 ABORTED"]));
});
