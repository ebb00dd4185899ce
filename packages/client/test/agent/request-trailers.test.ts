import { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";

import { FieldLines } from "@trailsum/shared";
import { rawServer, echoServer, httpServer, seen, type SeenRequest } from "@trailsum/testkit";
import { type Dispatcher, fetch, FormData, interceptors, pipeline, request, RetryAgent, stream } from "undici";
import { describe, expect, test } from "vitest";

import type { TrailersInit } from "../../src/index.ts";
import { echoed, failure, later, trailerAgent } from "./side-by-side.ts";

const trailers = (): FieldLines => FieldLines.from([["Md5", "abc"]]);

async function* pieces(): AsyncGenerator<string> {
  yield "one ";
  await new Promise((resolve) => setImmediate(resolve));
  yield "two";
}

type Body = Dispatcher.DispatchOptions["body"];

describe("TrailerAgent sends trailers", () => {
  test.each<[kind: string, body: () => unknown]>([
    ["a string", () => "one two"],
    ["a Buffer", () => Buffer.from("one two")],
    ["a Blob", () => new Blob(["one two"])],
    ["a Readable", () => Readable.from(["one ", "two"])],
    ["an async iterable", () => pieces()],
    ["a ReadableStream", () => ReadableStream.from(pieces())],
    ["an empty string", () => ""],
    ["no body at all", () => null],
  ])("after %s", async (_kind, body) => {
    const server = await echoServer();
    const dispatcher = trailerAgent();
    const headers = { trailer: "Md5" };
    // Twice, so that a connection that was used for trailers is seen to be good for more.
    for (let turn = 0; turn < 2; turn++) {
      const options = { dispatcher, method: "PUT", headers, body: body() as Body & object, trailers } as const;
      const got = await echoed(await request(server.url, options));
      expect(got).toMatchObject({
        rawTrailers: ["Md5", "abc"],
        headers: { "transfer-encoding": "chunked", trailer: "Md5" },
      });
      expect(["one two", ""]).toContain(got.body);
    }
    expect(server.connections()).toBe(1);
  });

  test("after a form", async () => {
    const server = await echoServer();
    const body = new FormData();
    body.set("name", "value");
    const got = await echoed(await request(server.url, { dispatcher: trailerAgent(), method: "POST", body, trailers }));
    expect([got.rawTrailers, got.body.includes("value")]).toEqual([["Md5", "abc"], true]);
  });

  test.each<[shape: string, given: TrailersInit, lines: string[]]>([
    ["a function", () => ({ Md5: "abc", Size: 7 }), ["Md5", "abc", "Size", "7"]],
    ["an async function", async () => Promise.resolve({ Md5: "abc" }), ["Md5", "abc"]],
    ["a function that gives FieldLines", trailers, ["Md5", "abc"]],
    ["an object", { Md5: "abc", "x-two": ["1", "2"] }, ["Md5", "abc", "x-two", "1", "x-two", "2"]],
    [
      "FieldLines",
      FieldLines.from([
        ["X-A", "1"],
        ["x-a", "2"],
      ]),
      ["X-A", "1", "x-a", "2"],
    ],
    ["a flat array", ["Md5", "abc"], ["Md5", "abc"]],
    ["pairs", [["Md5", "abc"]], ["Md5", "abc"]],
    ["a Map", new Map([["Md5", "abc"]]), ["Md5", "abc"]],
    ["a function that gives none", () => ({}), []],
    [
      "names that mean something to JavaScript",
      ["__proto__", "1", "constructor", "2"],
      ["__proto__", "1", "constructor", "2"],
    ],
  ])("given as %s", async (_shape, given, lines) => {
    const server = await echoServer();
    const options = { dispatcher: trailerAgent(), method: "PUT", body: "one two", trailers: given } as const;
    const got = await echoed(await request(server.url, options));
    expect(got.rawTrailers).toEqual(lines);
    const announced =
      typeof given === "function" ? undefined : [...new Set(lines.filter((_, at) => at % 2 === 0))].join(", ");
    expect(got.headers["trailer"]).toBe(announced);
  });

  test("asking for them when the last byte of the body is in transit, and not before", async () => {
    const server = await echoServer();
    let sent = 0;
    async function* counted(): AsyncGenerator<string> {
      for await (const piece of pieces()) {
        sent += piece.length;
        yield piece;
      }
    }
    const body = Readable.from(counted());
    const options = { dispatcher: trailerAgent(), method: "PUT", body, trailers: () => ({ Size: sent }) } as const;
    expect((await echoed(await request(server.url, options))).rawTrailers).toEqual(["Size", "7"]);
  });

  test("through stream and pipeline", async () => {
    const server = await echoServer();
    const dispatcher = trailerAgent();
    const got: Buffer[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        got.push(chunk);
        done();
      },
    });
    await stream(server.url, { dispatcher, method: "PUT", body: "x", trailers }, () => sink);
    expect((JSON.parse(Buffer.concat(got).toString()) as SeenRequest).rawTrailers).toEqual(["Md5", "abc"]);
    const piped = pipeline(server.url, { dispatcher, method: "PUT", trailers }, ({ body }) => body).end("x");
    expect((JSON.parse(await text(piped)) as SeenRequest).rawTrailers).toEqual(["Md5", "abc"]);
  });

  test("not with a request that has no content, and announces none then", async () => {
    const server = await echoServer();
    const options = { dispatcher: trailerAgent(), method: "GET", headers: { trailer: "Md5" }, trailers } as const;
    const got = await echoed(await request(server.url, options));
    expect(got.rawTrailers).toEqual([]);
    expect(got.headers).not.toHaveProperty("trailer");
    expect(got.headers).not.toHaveProperty("transfer-encoding");
  });
});

describe("TrailerAgent fails a request whose trailers", () => {
  const wrong = new Error("no digest");
  test.each<[what: string, given: () => ReturnType<Extract<TrailersInit, () => unknown>>, code: unknown]>([
    ["cannot be had", () => Promise.reject(wrong), wrong],
    [
      "throw",
      () => {
        throw wrong;
      },
      wrong,
    ],
    ["may be none", () => ({ Authorization: "x" }), "UND_ERR_INVALID_ARG"],
    ["frame a message", () => ({ "content-length": "1" }), "UND_ERR_INVALID_ARG"],
    ["have an invalid name", () => ({ "a b": "x" }), "UND_ERR_INVALID_ARG"],
    ["have a value that breaks the line", () => ({ a: "x\r\nb: y" }), "UND_ERR_INVALID_ARG"],
    ["are no fields", () => 1 as unknown as FieldLines, "UND_ERR_INVALID_ARG"],
  ])("%s, and never lets it look complete", async (_what, given, code) => {
    const server = await rawServer(async (connection) => {
      expect(String(await connection.readToEnd())).not.toContain("\r\n0\r\n");
    });
    for (const body of ["content", Readable.from(["content"]), pieces() as unknown as Readable]) {
      const options = { dispatcher: trailerAgent(), method: "PUT", body, trailers: given } as const;
      expect(await failure(request(server.origin, options))).toBe(code);
    }
    await expect.poll(() => server.connections.every(({ ended }) => ended)).toBe(true);
    await server.finished();
  });

  test("are given at once and may be none, before anything is sent", async () => {
    const server = await echoServer();
    const options = { dispatcher: trailerAgent(), method: "PUT", body: "x", trailers: { Host: "x" } } as const;
    expect(await failure(request(server.url, options))).toBe("UND_ERR_INVALID_ARG");
    expect(server.connections()).toBe(0);
  });

  test("come too late: it was aborted while they were waited for", async () => {
    const server = await httpServer(() => {});
    const asked = later();
    const given = later<FieldLines>();
    const controller = new AbortController();
    const answer = failure(
      request(server.url, {
        dispatcher: trailerAgent(),
        method: "PUT",
        body: "x",
        signal: controller.signal,
        trailers() {
          asked.resolve();
          return given.promise;
        },
      }),
    );
    await asked.promise;
    const reason = new Error("changed my mind");
    controller.abort(reason);
    expect(await answer).toBe(reason);
    given.reject(new Error("no one is listening"));
    await expect.poll(() => server.connections()).toBe(0);
  });
});

describe("TrailerAgent sends trailers through undici's", () => {
  test("retry interceptor and RetryAgent, asking for them again for each attempt", async () => {
    const got: SeenRequest[] = [];
    const server = await httpServer(async (incoming, response) => {
      got.push(await seen(incoming));
      response.writeHead(got.length % 3 === 0 ? 201 : 503).end();
    });
    let asked = 0;
    const options = { method: "PUT", body: "content", trailers: () => ({ Attempt: ++asked }) } as const;
    const retries = { minTimeout: 5 };
    for (const dispatcher of [
      trailerAgent().compose(interceptors.retry(retries), interceptors.redirect({ maxRedirections: 1 })),
      new RetryAgent(trailerAgent(), retries),
    ]) {
      const { statusCode, body } = await request(server.url, { ...options, dispatcher });
      await body.dump();
      expect(statusCode).toBe(201);
    }
    const expected = [1, 2, 3, 4, 5, 6].map((attempt) => ({
      body: "content",
      rawTrailers: ["Attempt", String(attempt)],
    }));
    expect(got).toMatchObject(expected);
  });

  test.each([
    [303, { method: "GET", body: "", rawTrailers: [] }],
    [307, { method: "PUT", body: "content", rawTrailers: ["Md5", "abc"] }],
  ])("redirect interceptor, on %i: %j", async (status, then) => {
    const server = await httpServer(async (incoming, response) => {
      const got = await seen(incoming);
      if (incoming.url === "/") response.writeHead(status, { location: "/there" }).end();
      else response.end(JSON.stringify(got));
    });
    const dispatcher = trailerAgent().compose(interceptors.retry(), interceptors.redirect({ maxRedirections: 1 }));
    const headers = { Trailer: "Md5" };
    const got = await echoed(
      await request(server.url, { dispatcher, method: "PUT", headers, body: "content", trailers }),
    );
    expect(got).toMatchObject(then);
    expect("trailer" in got.headers).toBe(status === 307);
  });

  test("fetch, by an interceptor of one's own", async () => {
    const server = await echoServer();
    const dispatcher = trailerAgent().compose(
      (dispatch) => (options, handler) => dispatch({ ...options, trailers }, handler),
    );
    const response = await fetch(server.url, { dispatcher, method: "PUT", body: "content" });
    expect(await response.json()).toMatchObject({ body: "content", rawTrailers: ["Md5", "abc"] });
  });
});
