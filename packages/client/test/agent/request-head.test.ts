import { type Dispatcher, Headers, request } from "undici";
import { echoServer, type SeenRequest } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { agents, echoed, failure, trailerAgent } from "./side-by-side.ts";

/** The lines that the caller gave, without those that the agent writes itself. */
function given({ rawHeaders }: SeenRequest): string[] {
  const own = new Set(["host", "connection", "content-length", "transfer-encoding"]);
  return rawHeaders.filter((_, at) => !own.has(rawHeaders[at - (at % 2)]!.toLowerCase()));
}

function* pairs(): Generator<[string, string]> {
  yield ["X-One", "1"];
  yield ["x-two", "2"];
}

type Headed = NonNullable<Dispatcher.DispatchOptions["headers"]>;

describe.each(agents)("%s sends header fields", (_name, agent) => {
  test.each<[shape: string, headers: Headed, lines: string[]]>([
    ["an object", { "X-One": "1", "x-two": "2" }, ["X-One", "1", "x-two", "2"]],
    ["an object with lists", { "X-One": ["1", "one"], "x-two": "2" }, ["X-One", "1", "X-One", "one", "x-two", "2"]],
    ["a flat array", ["X-One", "1", "x-two", "2", "X-One", "one"], ["X-One", "1", "x-two", "2", "X-One", "one"]],
    [
      "a Map",
      new Map([
        ["X-One", "1"],
        ["x-two", "2"],
      ]),
      ["X-One", "1", "x-two", "2"],
    ],
    ["Headers", new Headers({ "x-one": "1", "x-two": "2" }), ["x-one", "1", "x-two", "2"]],
    ["an iterable of pairs", pairs(), ["X-One", "1", "x-two", "2"]],
  ])("given as %s", async (_shape, headers, lines) => {
    const server = await echoServer();
    const got = await echoed(await request(server.url, { dispatcher: agent(), headers }));
    expect(given(got)).toEqual(lines);
  });

  test("of values that are no strings", async () => {
    const server = await echoServer();
    const headers = { number: 1, boolean: true, nothing: null, absent: undefined } as unknown as Headed;
    const got = await echoed(await request(server.url, { dispatcher: agent(), headers }));
    expect(given(got)).toEqual(["number", "1", "boolean", "true", "nothing", ""]);
  });

  test("of names that mean something to JavaScript", async () => {
    const server = await echoServer();
    const headers = ["__proto__", "1", "constructor", "2", "toString", "3"];
    const got = await echoed(await request(server.url, { dispatcher: agent(), headers }));
    expect(given(got)).toEqual(headers);
  });

  test("of octets beyond ASCII as latin1", async () => {
    const server = await echoServer();
    const got = await echoed(
      await request(server.url, { dispatcher: agent(), headers: { name: "\u00a0Gr\u00fc\u00dfe\u00a0" } }),
    );
    expect(got.headers["name"]).toBe("\u00a0Gr\u00fc\u00dfe\u00a0");
  });

  test("with the Host that is given, or else that of the URL", async () => {
    const server = await echoServer();
    const dispatcher = agent();
    const own = await echoed(await request(server.url, { dispatcher }));
    expect(own.headers["host"]).toBe(`127.0.0.1:${server.port}`);
    const other = await echoed(await request(server.url, { dispatcher, headers: { host: "example.org" } }));
    expect(other.headers["host"]).toBe("example.org");
  });
});

describe.each(agents)("%s writes the target", (_name, agent) => {
  test.each<[query: Record<string, unknown>, text: string]>([
    [{ a: 1, b: "x y&z", c: ["1", "2"], d: true }, "?a=1&b=x%20y%26z&c=1&c=2&d=true"],
    [{ nothing: null, absent: undefined, none: Number.NaN, object: {} }, "?nothing=&absent=&none=&object="],
    [{ "\u00fc": "\u20ac" }, "?%C3%BC=%E2%82%AC"],
    [{}, ""],
  ])("with a query of %j", async (query, text) => {
    const server = await echoServer();
    const got = await echoed(await request(`${server.origin}/path`, { dispatcher: agent(), query }));
    expect(got.url).toBe(`/path${text}`);
  });

  test("as it was given, dots and escapes kept", async () => {
    const server = await echoServer();
    const path = "/a/../b//c%2f?q=%20#f";
    const got = await echoed(await agent().request({ origin: server.origin, path, method: "GET" }));
    expect(got.url).toBe(path);
  });

  test("not with a query where the path has one", async () => {
    const server = await echoServer();
    await expect(request(`${server.origin}/?a=1`, { dispatcher: agent(), query: { b: 2 } })).rejects.toThrow(
      'Query params cannot be passed when url already contains "?" or "#".',
    );
  });

  test("with a method of one's own", async () => {
    const server = await echoServer();
    const got = await echoed(await request(server.url, { dispatcher: agent(), method: "PROPFIND" }));
    expect(got.method).toBe("PROPFIND");
  });
});

const INVALID = "UND_ERR_INVALID_ARG";

describe.each(agents)("%s refuses", (_name, agent) => {
  test.each<[what: string, options: object]>([
    ["a path without a slash", { path: "x" }],
    ["an empty path", { path: "" }],
    ["a path that is not a string", { path: 1 }],
    ["a path with a space", { path: "/a b" }],
    ["a path with a line break", { path: "/a\r\nX: y" }],
    ["a path beyond latin1", { path: "/\u20ac" }],
    ["a method with a space", { method: "GET /" }],
    ["a method that is not a string", { method: null }],
    ["headers that are no object", { headers: "x" }],
    ["an odd list of headers", { headers: ["x"] }],
    ["a header name with a space", { headers: { "a b": "x" } }],
    ["an empty header name", { headers: { "": "x" } }],
    ["a header value with a line break", { headers: { a: "x\r\nb: c" } }],
    ["a header value that ends in a line break", { headers: { a: "x\n" } }],
    ["a header value beyond latin1", { headers: { a: "\u20ac" } }],
    ["a header value that is an object", { headers: { a: { toString: () => "x" } } }],
    ["a list of header values with an object", { headers: { a: [{}] } }],
    ["a pair of three", { headers: new Set([["a", "b", "c"]]) }],
    ["two Host fields", { headers: ["host", "a", "Host", "b"] }],
    ["two Content-Length fields", { headers: ["content-length", "1", "Content-Length", "1"] }],
    ["a Content-Length that is not a number", { headers: { "content-length": "0x1" } }],
    ["a Keep-Alive field", { headers: { "keep-alive": "timeout=1" } }],
    ["an Upgrade field", { headers: { upgrade: "h2c" } }],
    ["a Connection field that is not a list of tokens", { headers: { connection: "a b" } }],
    ["a transfer coding but chunked", { headers: { "transfer-encoding": "gzip" } }],
    ["a body of another kind", { method: "PUT", body: 1 }],
    ["a negative headersTimeout", { headersTimeout: -1 }],
    ["a bodyTimeout that is not a number", { bodyTimeout: "1" }],
    ["a reset that is not a boolean", { reset: "yes" }],
    ["an expectContinue that is not a boolean", { expectContinue: 1 }],
    ["an invalid origin", { origin: "" }],
    ["a protocol that is not HTTP", { origin: "ftp://127.0.0.1" }],
    ["a dispatcher among the options", { dispatcher: {} }],
  ])("%s", async (_what, options) => {
    const server = await echoServer();
    const all = { origin: server.origin, path: "/", method: "GET", ...options } as Dispatcher.RequestOptions;
    expect(await failure(agent().request(all))).toBe(INVALID);
    expect(server.connections()).toBe(0);
  });

  test("what is not a handler, by throwing", () => {
    const dispatcher = agent();
    const options: Dispatcher.DispatchOptions = { origin: "http://127.0.0.1:9", path: "/", method: "GET" };
    for (const handler of [null, undefined, 1, {}, { onRequestStart() {} }]) {
      expect(() => dispatcher.dispatch(options, handler as Dispatcher.DispatchHandler)).toThrow(
        expect.objectContaining({ code: INVALID }),
      );
    }
  });

  test.each<[missing: string, upgrade: string | null]>([
    ["onRequestStart", null],
    ["onResponseStart", null],
    ["onResponseData", null],
    ["onResponseEnd", null],
    ["onRequestUpgrade", "websocket"],
  ])("a handler without %s, and reports it so", (missing, upgrade) => {
    const reported: unknown[] = [];
    const handler: Record<string, unknown> = {
      onRequestStart() {},
      onRequestUpgrade() {},
      onResponseStart() {},
      onResponseData() {},
      onResponseEnd() {},
      onResponseError: (controller: unknown, error: unknown) => reported.push(controller ?? null, error),
    };
    delete handler[missing];
    const options: Dispatcher.DispatchOptions = { origin: "http://127.0.0.1:9", path: "/", method: "GET", upgrade };
    agent().dispatch(options, handler);
    expect(reported).toEqual([null, expect.objectContaining({ code: INVALID, message: `invalid ${missing} method` })]);
  });
});

describe("TrailerAgent, other than undici,", () => {
  test("takes an array of pairs for headers, and refuses what is undefined in a list", async () => {
    const server = await echoServer();
    const dispatcher = trailerAgent();
    const headers = [
      ["X-One", "1"],
      ["x-two", "2"],
    ] as unknown as string[];
    expect(given(await echoed(await request(server.url, { dispatcher, headers })))).toEqual([
      "X-One",
      "1",
      "x-two",
      "2",
    ]);
    const unclear = { a: ["x", undefined] } as unknown as Headed;
    expect(await failure(request(server.url, { dispatcher, headers: unclear }))).toBe(INVALID);
  });

  test("leaves whitespace around a value away, which is no part of it", async () => {
    const server = await echoServer();
    const got = await echoed(await request(server.url, { dispatcher: trailerAgent(), headers: { a: " \tx y\t " } }));
    expect(got.headers["a"]).toBe("x y");
  });

  test("takes Transfer-Encoding: chunked, since that is what it does, and says nothing twice", async () => {
    const server = await echoServer();
    const headers = { "Transfer-Encoding": "chunked" };
    const got = await echoed(
      await request(server.url, { dispatcher: trailerAgent(), method: "PUT", headers, body: "x" }),
    );
    expect(got.body).toBe("x");
  });

  test("sends OPTIONS * to a server as a whole", async () => {
    const server = await echoServer();
    const got = await echoed(await trailerAgent().request({ origin: server.origin, path: "*", method: "OPTIONS" }));
    expect(got.url).toBe("*");
  });
});
