import { type Dispatcher, request } from "undici";
import { describe, expect, test } from "vitest";

import { rawServer, httpServer } from "@trailsum/testkit";

import { agents, failure, later, trailerAgent } from "./side-by-side.ts";

/** A server that answers the first request of each connection with these bytes. */
async function answering(text: string): Promise<string> {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(text);
  });
  return server.origin;
}

const empty = "Content-Length: 0\r\n\r\n";

describe.each(agents)("%s hands on the head of a response", (_name, agent) => {
  test("with its status text, also an empty one", async () => {
    const fine = await answering(`HTTP/1.1 299 Quite All Right\r\n${empty}`);
    expect(await request(fine, { dispatcher: agent() })).toMatchObject({
      statusCode: 299,
      statusText: "Quite All Right",
    });
    const silent = await answering(`HTTP/1.1 299 \r\n${empty}`);
    expect(await request(silent, { dispatcher: agent() })).toMatchObject({ statusCode: 299, statusText: "" });
  });

  test("with lists where a name came twice, in lower case", async () => {
    const origin = await answering(`HTTP/1.1 200 OK\r\nX-Twice: 1\r\nonce: 1\r\nx-twice: 2\r\nX-TWICE: 3\r\n${empty}`);
    const { headers } = await request(origin, { dispatcher: agent() });
    expect(headers).toEqual({ "x-twice": ["1", "2", "3"], once: "1", "content-length": "0" });
  });

  test("with names that mean something to JavaScript, as fields like any other", async () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const lines = names.map((name) => `${name}: 1\r\n${name}: 2\r\n`).join("");
    const { headers } = await request(await answering(`HTTP/1.1 200 OK\r\n${lines}${empty}`), { dispatcher: agent() });
    expect(Object.keys(headers)).toEqual(expect.arrayContaining(["__proto__", "constructor", "tostring"]));
    for (const name of names)
      expect(Object.getOwnPropertyDescriptor(headers, name.toLowerCase())?.value).toEqual(["1", "2"]);
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
  });

  test("with octets beyond ASCII as latin1", async () => {
    const { headers } = await request(await answering(`HTTP/1.1 200 OK\r\na: \u00fc\u00ff\r\n${empty}`), {
      dispatcher: agent(),
    });
    expect(headers["a"]).toBe("\u00fc\u00ff");
  });

  test("raw where asked for: in order, with duplicates and the case of names", async () => {
    const origin = await answering(`HTTP/1.1 200 OK\r\nX-Twice: 1\r\nonce: 1\r\nx-twice: 2\r\n${empty}`);
    const { headers } = await request(origin, { dispatcher: agent(), responseHeaders: "raw" });
    expect(headers).toEqual(["X-Twice", "1", "once", "1", "x-twice", "2", "Content-Length", "0"]);
  });

  test("with the opaque value and the context of the request", async () => {
    const opaque = { mine: true };
    const response = await request(await answering(`HTTP/1.1 200 OK\r\n${empty}`), { dispatcher: agent(), opaque });
    expect(response.opaque).toBe(opaque);
  });

  test("after interim responses, which onInfo receives", async () => {
    const origin = await answering(
      `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\nlink: <b>\r\n\r\nHTTP/1.1 200 OK\r\n${empty}`,
    );
    const infos: unknown[] = [];
    const { statusCode } = await request(origin, { dispatcher: agent(), onInfo: (info) => infos.push(info) });
    expect(statusCode).toBe(200);
    expect(infos).toEqual([
      { statusCode: 102, headers: {} },
      { statusCode: 103, headers: { link: ["<a>", "<b>"] } },
    ]);
  });

  test("after interim responses that a server of Node writes", async () => {
    const server = await httpServer((_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: "</style.css>; rel=preload" }, () => response.end("done"));
    });
    const infos: number[] = [];
    const response = await request(server.url, { dispatcher: agent(), onInfo: (info) => infos.push(info.statusCode) });
    expect(await response.body.text()).toBe("done");
    expect(infos).toEqual([102, 103]);
  });

  test("to a handler, with the raw fields in its controller", async () => {
    const origin = await answering(`HTTP/1.1 200 Fine\r\nX-A: 1\r\nx-a: 2\r\n${empty}`);
    const started = later<unknown[]>();
    const options: Dispatcher.DispatchOptions = { origin, path: "/", method: "GET" };
    agent().dispatch(options, {
      onRequestStart() {},
      onResponseStart: (controller, status, headers, text) =>
        started.resolve([status, text, headers, (controller.rawHeaders as Buffer[]).map(String)]),
      onResponseData() {},
      onResponseEnd() {},
      onResponseError: (_controller, error) => started.reject(error),
    });
    expect(await started.promise).toEqual([
      200,
      "Fine",
      { "x-a": ["1", "2"], "content-length": "0" },
      ["X-A", "1", "x-a", "2", "Content-Length", "0"],
    ]);
  });

  test("not when it is larger than allowed", async () => {
    const origin = await answering(`HTTP/1.1 200 OK\r\na: ${"x".repeat(20_000)}\r\n${empty}`);
    expect(await failure(request(origin, { dispatcher: agent() }))).toBe("UND_ERR_HEADERS_OVERFLOW");
  });

  test("not when it is no HTTP", async () => {
    const origin = await answering("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    const answer = request(origin, { dispatcher: agent() });
    await expect(answer).rejects.toThrow(expect.objectContaining({ name: "HTTPParserError" }));
  });

  test("not when it switches protocols unasked", async () => {
    const origin = await answering("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    expect(await failure(request(origin, { dispatcher: agent() }))).toBe("UND_ERR_SOCKET");
  });
});

describe("TrailerAgent, other than undici,", () => {
  test("gives raw fields as latin1 strings, not buffers", async () => {
    const origin = await answering(`HTTP/1.1 200 OK\r\na: \u00fc\r\n${empty}`);
    const started = later<unknown>();
    trailerAgent().dispatch(
      { origin, path: "/", method: "GET" },
      {
        onRequestStart() {},
        onResponseStart: (controller) => started.resolve(controller.rawHeaders),
        onResponseData() {},
        onResponseEnd() {},
        onResponseError: (_controller, error) => started.reject(error),
      },
    );
    expect(await started.promise).toEqual(["a", "\u00fc", "Content-Length", "0"]);
  });

  test("gives the code that llhttp has for what it refuses, which undici leaves out", async () => {
    const origin = await answering("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    expect(await failure(request(origin, { dispatcher: trailerAgent() }))).toBe("HPE_INVALID_STATUS");
  });

  test("hands a 100 on as it does any interim response: a proxy has to relay it", async () => {
    const origin = await answering(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n${empty}`);
    const infos: number[] = [];
    await request(origin, { dispatcher: trailerAgent(), onInfo: (info) => infos.push(info.statusCode) });
    expect(infos).toEqual([100]);
  });
});
