import { PassThrough, Readable } from "node:stream";

import { type Dispatcher, FormData, request, Response } from "undici";
import { echoServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { agents, echoed, failure, later, trailerAgent } from "./side-by-side.ts";

const encoder = new TextEncoder();

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield encoder.encode("one ");
  await new Promise((resolve) => setImmediate(resolve));
  yield encoder.encode("two");
}

describe.each(agents)("%s sends a body", (_name, agent) => {
  const kinds: [kind: string, body: () => unknown, framing: "length" | "chunked"][] = [
    ["a string", () => "one two", "length"],
    ["a Buffer", () => Buffer.from("one two"), "length"],
    ["a Uint8Array", () => encoder.encode("one two"), "length"],
    ["a view of other elements", () => new Uint16Array(encoder.encode("one two!").buffer), "length"],
    ["an ArrayBuffer", () => encoder.encode("one two").buffer, "length"],
    ["a Blob", () => new Blob(["one ", "two"]), "length"],
    ["a Readable of bytes", () => Readable.from([Buffer.from("one "), Buffer.from("two")]), "chunked"],
    ["a Readable of strings", () => Readable.from(["one ", "", "two"]), "chunked"],
    ["a PassThrough", () => new PassThrough().end("one two"), "chunked"],
    ["an async iterable", () => pieces(), "chunked"],
    ["an iterable", () => new Set(["one ", "two"]), "chunked"],
    ["a ReadableStream", () => ReadableStream.from(pieces()), "chunked"],
  ];

  test.each(kinds)("that is %s", async (kind, body, framing) => {
    const server = await echoServer();
    const sent = await request(server.url, { dispatcher: agent(), method: "POST", body: body() as Readable });
    const got = await echoed(sent);
    expect(got.body).toBe(kind === "a view of other elements" ? "one two!" : "one two");
    const { "content-length": length = "", "transfer-encoding": coding = "" } = got.headers;
    // A stream that has all its bytes already may be sent with their number.
    const expected = framing === "length" ? [String(got.body.length)] : ["chunked", "7"];
    expect(expected).toContain([length, coding].join(""));
  });

  test("that is a form, with its content type", async () => {
    const server = await echoServer();
    const form = new FormData();
    form.set("name", "value");
    form.set("file", new Blob(["content"], { type: "text/plain" }), "name.txt");
    const got = await echoed(await request(server.url, { dispatcher: agent(), method: "POST", body: form }));
    expect(got.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
    expect(got.body).toContain('name="file"; filename="name.txt"\r\nContent-Type: text/plain\r\n\r\ncontent\r\n');
    expect(got.headers["content-length"]).toBe(String(got.body.length));
  });

  test("that is a Blob, with its type unless another is given", async () => {
    const server = await echoServer();
    const dispatcher = agent();
    const body = new Blob(["{}"], { type: "application/json" }) as unknown as Readable;
    const own = await echoed(await request(server.url, { dispatcher, method: "POST", body }));
    expect(own.headers["content-type"]).toBe("application/json");
    const headers = { "Content-Type": "text/plain" };
    const given = await echoed(await request(server.url, { dispatcher, method: "POST", body, headers }));
    expect(given.headers["content-type"]).toBe("text/plain");
  });

  const withContent = ["POST", "PUT", "PATCH", "QUERY", "PROPFIND", "PROPPATCH"] as Dispatcher.HttpMethod[];
  test.each(withContent)("that is empty with Content-Length: 0 to %s", async (method) => {
    const server = await echoServer();
    const dispatcher = agent();
    for (const body of [null, "", new Uint8Array(0)]) {
      const got = await echoed(await request(server.url, { dispatcher, method, body }));
      expect(got).toMatchObject({ body: "", headers: { "content-length": "0" } });
    }
  });

  test.each(["GET", "DELETE", "OPTIONS"] as const)("that is empty without any length to %s", async (method) => {
    const server = await echoServer();
    const got = await echoed(await request(server.url, { dispatcher: agent(), method, body: "" }));
    expect(got.headers).not.toHaveProperty("content-length");
    expect(got.headers).not.toHaveProperty("transfer-encoding");
  });

  test("of the length that the Content-Length header gives", async () => {
    const server = await echoServer();
    const headers = { "content-length": "7" };
    const got = await echoed(
      await request(server.url, { dispatcher: agent(), method: "PUT", headers, body: pieces() as unknown as Readable }),
    );
    expect(got).toMatchObject({ body: "one two", headers: { "content-length": "7" } });
  });

  test.each([
    ["shorter", "8"],
    ["longer", "6"],
  ])("only when it is not %s than the Content-Length header says", async (_difference, length) => {
    const server = await echoServer();
    const options = { dispatcher: agent(), method: "PUT", headers: { "content-length": length } } as const;
    const code = "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH";
    expect(await failure(request(server.url, { ...options, body: "one two" }))).toBe(code);
    expect(await failure(request(server.url, { ...options, body: pieces() as unknown as Readable }))).toBe(code);
    expect(await failure(request(server.url, { ...options, body: Readable.from(pieces()) }))).toBe(code);
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("and reports every piece and the end", async () => {
    const server = await echoServer();
    const reported: string[] = [];
    const ended = later();
    agent().dispatch(
      { origin: server.origin, path: "/", method: "PUT", body: Readable.from(["one ", "two"]) },
      {
        onRequestStart: () => void reported.push("start"),
        onBodySent: (chunk) => void reported.push(String(chunk)),
        onRequestSent: () => void reported.push("sent"),
        onResponseStarted: () => void reported.push("answered"),
        onResponseStart: (_controller, status) => void reported.push(String(status)),
        onResponseData() {},
        onResponseEnd: () => ended.resolve(),
        onResponseError: (_controller, error) => ended.reject(error),
      },
    );
    await ended.promise;
    expect(reported).toEqual(["start", "one ", "two", "sent", "answered", "200"]);
  });

  test("and fails, with the error of the source, when that fails", async () => {
    const server = await echoServer();
    const dispatcher = agent();
    const broken = new Error("the disk is gone");
    const read = new Readable({
      read() {
        this.push("some");
        this.destroy(broken);
      },
    });
    async function* generate(): AsyncGenerator<string> {
      yield "some";
      await Promise.reject(broken);
    }
    expect(await failure(request(server.url, { dispatcher, method: "PUT", body: read }))).toBe(broken);
    expect(
      await failure(request(server.url, { dispatcher, method: "PUT", body: generate() as unknown as Readable })),
    ).toBe(broken);
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("of a stream that is destroyed at its end, whole", async () => {
    const server = await echoServer();
    const body = Readable.from(["one ", "two"]);
    body.on("end", () => body.destroy());
    const got = await echoed(await request(server.url, { dispatcher: agent(), method: "PUT", body }));
    expect(got.body).toBe("one two");
  });

  test("and fails when the stream was destroyed before it was sent", async () => {
    const server = await echoServer();
    const body = new PassThrough();
    body.destroy();
    expect(await failure(request(server.url, { dispatcher: agent(), method: "PUT", body }))).toBe("UND_ERR_ABORTED");
  });
});

describe("TrailerAgent, other than undici,", () => {
  test("sends the FormData of Node itself", async () => {
    const server = await echoServer();
    const form = new globalThis.FormData();
    form.set("name", "value");
    const body = form as unknown as Dispatcher.DispatchOptions["body"];
    const got = await echoed(
      await request(server.url, { dispatcher: trailerAgent(), method: "POST", body: body ?? null }),
    );
    expect(got.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
    expect(got.body).toContain('name="name"\r\n\r\nvalue\r\n');
  });

  test("encodes a form as undici's Response does, and knows its length", async () => {
    const server = await echoServer();
    const form = new FormData();
    form.append('a "name"\n', "one\ntwo\rthree\r\nfour \u20ac");
    form.append("file", new File(["content"], 'na"me\r\nX: y.txt', { type: "text/plain" }));
    form.append("file", new Blob([new Uint8Array(100_000)]));
    form.append("empty", "");
    const got = await echoed(await request(server.url, { dispatcher: trailerAgent(), method: "POST", body: form }));
    const expected = new Response(form);
    const boundary = (type: unknown): string => String(type).split("boundary=")[1]!;
    const text = Buffer.from(await expected.arrayBuffer()).toString("latin1");
    const own = boundary(got.headers["content-type"]);
    expect(got.body).toBe(text.replaceAll(boundary(expected.headers.get("content-type")), own));
    expect(got.headers["content-length"]).toBe(String(got.body.length));
  });

  test("refuses a file in a form whose type would be more than one line", async () => {
    const file = Object.defineProperty(new File(["a"], "name"), "type", { value: "a\r\nX-Injected: true" });
    const form = {
      getAll: () => [],
      [Symbol.toStringTag]: "FormData",
      *[Symbol.iterator]() {
        yield ["file", file];
      },
    };
    const body = form as unknown as FormData;
    const server = await echoServer();
    expect(await failure(request(server.url, { dispatcher: trailerAgent(), method: "POST", body }))).toBe(
      "UND_ERR_INVALID_ARG",
    );
    expect(server.connections()).toBe(0);
  });
});
