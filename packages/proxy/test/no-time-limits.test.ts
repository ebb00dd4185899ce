import { certificate, rawClient, rawHttp2Client, rawServer, requestFields, httpServer } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test, vi } from "vitest";

import { createProxyServer } from "../src/index.ts";
import { proxyServer, readMessage } from "./peers.ts";

const UNLIMITED = { headTimeout: 0, keepAliveTimeout: 0, idleTimeout: 0 };
const DAY = 86_400_000;

/** Lets a day pass for the clock by which connections are looked at, and for nothing else. */
async function aDayLater(): Promise<void> {
  await vi.advanceTimersByTimeAsync(DAY);
}

describe("timeouts of 0 are no limit", () => {
  test("for a client that says nothing, half a head, half a body, or nothing more", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const origin = await httpServer((request, response) => void request.resume().on("end", () => response.end("ok")));
    const { port } = await proxyServer({ target: origin.origin, ...UNLIMITED });
    const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const UPLOAD = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalfhalf";
    const [silent, head, upload, idle, http2] = await Promise.all([
      rawClient(port),
      rawClient(port),
      rawClient(port),
      rawClient(port),
      rawHttp2Client(port),
    ]);
    await head.write(GET.slice(0, 12));
    await upload.write(UPLOAD.slice(0, -4));
    await idle.write(GET);
    await idle.readUntil("ok");
    const stream = await http2.request(requestFields("PUT", "/"));
    await stream.body("half");
    await aDayLater();
    await silent.write(GET);
    await head.write(GET.slice(12));
    await upload.write(UPLOAD.slice(-4));
    await idle.write(GET);
    await stream.body("half", { endStream: true });
    await stream.untilEnd();
    expect(stream.status).toBe(200);
    for (const client of [silent, head, upload, idle]) {
      expect((await client.readUntil("ok")).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      client.end();
    }
    http2.connection.end();
  });

  test("where TLS is spoken, too", async () => {
    const { cert, key } = await certificate();
    const origin = await rawServer(() => {});
    const server = createProxyServer({ target: origin.origin, listen: { port: 0 }, tls: { cert, key }, ...UNLIMITED });
    onTestFinished(() => server.close());
    const { port } = await server.listen();
    const client = await rawClient(port, { tls: { ca: cert } });
    await client.write("GET no-slash HTTP/1.1\r\n\r\n");
    expect((await readMessage(client)).startLine).toContain(" 400 ");
    client.end();
  });

  test.each(["headTimeout", "keepAliveTimeout", "idleTimeout"])("and %s is a time", (option) => {
    for (const wrong of [-1, Number.NaN, "1s" as unknown as number]) {
      expect(() => createProxyServer({ target: "http://127.0.0.1:1", [option]: wrong })).toThrow(
        expect.objectContaining({ code: "USAGE", message: expect.stringContaining(option) }),
      );
    }
  });
});
