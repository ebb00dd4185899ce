import { Writable } from "node:stream";
import { text } from "node:stream/consumers";

import { rawServer, httpServer } from "@trailsum/testkit";
import { interceptors, pipeline, request, stream } from "undici";
import { describe, expect, test } from "vitest";

import { agents, failure, later, trailerAgent } from "./side-by-side.ts";

/** A server that answers each connection with a chunked body and this trailer section. */
async function trailing(section: string): Promise<string> {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n${section}\r\n`);
  });
  return server.origin;
}

describe.each(agents)("%s hands on the trailers of a response", (_name, agent) => {
  test("to request, once the body has ended", async () => {
    const response = await request(await trailing("Md5: abc\r\nX-Twice: 1\r\nx-twice: 2\r\nEmpty:\r\n"), {
      dispatcher: agent(),
    });
    expect(await response.body.text()).toBe("body");
    expect(response.trailers).toEqual({ md5: "abc", "x-twice": ["1", "2"], empty: "" });
  });

  test("to stream", async () => {
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
    const origin = await trailing("Md5: abc\r\n");
    const { trailers } = await stream(origin, { dispatcher: agent(), method: "GET" }, () => sink);
    expect(trailers).toEqual({ md5: "abc" });
  });

  test("that a server of Node adds", async () => {
    const server = await httpServer((_request, response) => {
      response.writeHead(200, { trailer: "Md5" }).write("body");
      response.addTrailers({ Md5: "abc" });
      response.end();
    });
    const response = await request(server.url, { dispatcher: agent() });
    await response.body.dump();
    expect([response.headers["trailer"], response.trailers]).toEqual(["Md5", { md5: "abc" }]);
  });

  test("to a handler, with their case and order in its controller", async () => {
    const ended = later<unknown[]>();
    agent().dispatch(
      { origin: await trailing("X-B: 2\r\nx-A: 1\r\nX-b: 3\r\n"), path: "/", method: "GET" },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd: (controller, trailers) =>
          ended.resolve([trailers, (controller.rawTrailers as Buffer[]).map(String)]),
        onResponseError: (_controller, error) => ended.reject(error),
      },
    );
    expect(await ended.promise).toEqual([{ "x-b": ["2", "3"], "x-a": "1" }, ["X-B", "2", "x-A", "1", "X-b", "3"]]);
  });

  test("of names that mean something to JavaScript, as fields like any other", async () => {
    const names = ["__proto__", "constructor", "toString"];
    const origin = await trailing(names.map((name) => `${name}: 1\r\n${name}: 2\r\n`).join(""));
    const { body, trailers } = await request(origin, { dispatcher: agent() });
    await body.dump();
    expect(Object.keys(trailers)).toEqual(["__proto__", "constructor", "tostring"]);
    for (const name of Object.keys(trailers)) {
      expect(Object.getOwnPropertyDescriptor(trailers, name)?.value).toEqual(["1", "2"]);
    }
    expect(Object.getPrototypeOf(trailers)).toBe(Object.prototype);
  });

  test("as nothing where there are none", async () => {
    const { body, trailers } = await request(await trailing(""), { dispatcher: agent() });
    await body.dump();
    expect(trailers).toEqual({});
  });

  test("through the interceptors", async () => {
    const dispatcher = agent().compose(interceptors.retry(), interceptors.redirect({ maxRedirections: 1 }));
    const { body, trailers } = await request(await trailing("Md5: abc\r\n"), { dispatcher });
    await body.dump();
    expect(trailers).toEqual({ md5: "abc" });
  });

  test("not to pipeline, which has no place for them", async () => {
    const origin = await trailing("Md5: abc\r\n");
    const piped = pipeline(origin, { dispatcher: agent(), method: "GET" }, ({ body }) => body).end();
    expect(await text(piped)).toBe("body");
  });

  test("not when they are larger than allowed", async () => {
    const { body } = await request(await trailing(`a: ${"x".repeat(20_000)}\r\n`), { dispatcher: agent() });
    expect(await failure(body.text())).toBe("UND_ERR_HEADERS_OVERFLOW");
  });

  test.each(["Content-Length: 4\r\n", "no field\r\n"])("not when they are no trailers: %j", async (section) => {
    const { body } = await request(await trailing(section), { dispatcher: agent() });
    await expect(body.text()).rejects.toThrow(expect.objectContaining({ name: "HTTPParserError" }));
  });
});

describe("TrailerAgent, other than undici,", () => {
  test("refuses Transfer-Encoding among them, which another recipient could take for framing", async () => {
    const { body } = await request(await trailing("Transfer-Encoding: chunked\r\n"), { dispatcher: trailerAgent() });
    expect(await failure(body.text())).toBe("HPE_INVALID_HEADER_TOKEN");
  });

  test("has a limit of its own for them", async () => {
    const origin = await trailing(`a: ${"x".repeat(2_000)}\r\n`);
    const { body } = await request(origin, { dispatcher: trailerAgent({ maxTrailerSize: 1_000 }) });
    expect(await failure(body.text())).toBe("UND_ERR_HEADERS_OVERFLOW");
  });
});
