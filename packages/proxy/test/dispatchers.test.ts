import { rawClient, rawServer, echoServer } from "@trailsum/testkit";
import { Agent, interceptors, request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { createReverseProxy } from "../src/index.ts";
import { ask, askEcho, proxyServer, readMessage, trailerAgent } from "./peers.ts";

function undiciAgent(): Agent {
  const agent = new Agent();
  onTestFinished(() => agent.destroy());
  return agent;
}

const UPLOAD =
  "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Md5\r\n\r\n" +
  "4\r\nbody\r\n0\r\nMd5: 841a2d689ad86bd1611447453c22c6fc\r\n\r\n";

describe("with undici's own Agent", () => {
  test("requests and responses pass, and the trailers of responses", async () => {
    const origin = await rawServer(async (connection) => {
      await readMessage(connection);
      await connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
      await connection.write(
        "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n",
      );
      await connection.write("2\r\nok\r\n0\r\nX-T: one\r\nx-t: two\r\n\r\n");
    });
    const { port } = await proxyServer({ target: origin.origin, dispatcher: undiciAgent() });
    const client = await rawClient(port);
    await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    expect((await client.readHead()).toString()).toBe("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\n/);
    await client.readUntil("2\r\nok\r\n0\r\nX-T: one\r\nx-t: two\r\n\r\n");
  });

  test("the trailers of requests, which it cannot send, are neither announced nor sent", async () => {
    const origin = await echoServer();
    const { port } = await proxyServer({ target: origin.origin, dispatcher: undiciAgent() });
    const got = await askEcho(port, UPLOAD);
    expect(got).toMatchObject({ body: "body", rawTrailers: [] });
    expect(got.headers).not.toHaveProperty("trailer");
  });

  test("a wrong upload is cut off all the same", async () => {
    const origin = await rawServer(async (connection) => {
      const message = await readMessage(connection);
      expect(message.complete).toBe(false);
    });
    const { port } = await proxyServer({ target: origin.origin, dispatcher: undiciAgent(), verify: "enforce" });
    const message = await ask(port, UPLOAD.replace("841a", "0000"));
    expect(message.startLine).toBe("HTTP/1.1 400 Bad Request");
    await origin.finished();
  });

  test("an origin that is not there gives 502, and one that resets too", async () => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      connection.reset();
    });
    for (const target of ["http://127.0.0.1:1", origin.origin]) {
      const { port } = await proxyServer({ target, dispatcher: undiciAgent() });
      expect((await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).startLine).toContain(" 502 ");
    }
  });

  test("a client that expects a 100 gets it from the proxy when its content is wanted", async () => {
    const origin = await echoServer();
    const { port } = await proxyServer({ target: origin.origin, dispatcher: undiciAgent() });
    const client = await rawClient(port);
    const [head = "", content = ""] = UPLOAD.split(/(?<=\r\n\r\n)/);
    await client.write(head.replace("Host: a", "Host: a\r\nExpect: 100-continue"));
    expect((await client.readHead()).toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    await client.write(content + UPLOAD.slice(head.length + content.length));
    await client.readUntil('"body":"body"');
  });
});

test("undici's interceptors work around a TrailerAgent, and trailers are sent", async () => {
  const origin = await echoServer();
  const dispatcher = trailerAgent().compose(interceptors.responseError({ statusCodes: [] } as object));
  const { port } = await proxyServer({ target: origin.origin, dispatcher });
  const got = await askEcho(port, UPLOAD);
  expect(got.headers["trailer"]).toBe("Md5");
  expect(got.rawTrailers).toEqual(["Md5", "841a2d689ad86bd1611447453c22c6fc"]);
});

test("a dispatcher that is given is not closed with the proxy", async () => {
  const origin = await echoServer();
  const dispatcher = trailerAgent();
  const proxy = createReverseProxy({ target: origin.origin, dispatcher });
  await proxy.close();
  const { body } = await request(origin.origin, { dispatcher });
  expect(await body.json()).toMatchObject({ method: "GET" });
});
