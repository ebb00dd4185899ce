import { createServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { Readable, Writable } from "node:stream";
import { pipeline as pump } from "node:stream/promises";
import { gzipSync } from "node:zlib";

import { type Listening, listen } from "@trailsum/testkit";
import { type Dispatcher, fetch, FormData, interceptors, pipeline, request, RetryAgent, stream } from "undici";
import { describe, expect, test } from "vitest";

import { http2Agent } from "./exchanging.ts";

/** A server on node:http2's compatibility API; what its listener throws fails the response. */
async function server(
  listener: (incoming: Http2ServerRequest, response: Http2ServerResponse) => unknown,
): Promise<Listening> {
  const http2 = createServer((incoming, response) => {
    const answering = async (): Promise<unknown> => listener(incoming, response);
    answering().catch((error: unknown) => response.stream.destroy(error as Error));
  });
  return listen(http2);
}

/** A server that answers with what it saw of a request, and with trailers. */
function echo(): Promise<Listening> {
  return server(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method, url, headers, trailers } = incoming;
    const body = Buffer.concat(chunks).toString("latin1");
    response.writeHead(200, { "x-method": method, trailer: "x-end" });
    response.addTrailers({ "x-end": "here" });
    response.end(JSON.stringify({ method, url, headers, trailers, body }));
  });
}

describe("over HTTP/2, undici's", () => {
  test("request sends every kind of body, and gives trailers", async () => {
    const { url } = await echo();
    const form = new FormData();
    form.set("field", "value");
    const bodies = ["text", Buffer.from("text"), Readable.from(["te", "xt"]), new Blob(["text"]), form];
    for (const body of bodies) {
      const options = { dispatcher: http2Agent(), method: "POST", body, trailers: { "x-own": "1" }, query: { a: 1 } };
      const response = await request(url, options as Parameters<typeof request>[1]);
      const got = (await response.body.json()) as Record<string, unknown>;
      expect(got).toMatchObject({ method: "POST", url: "/?a=1", trailers: { "x-own": "1" } });
      expect(got["body"]).toMatch(body === form ? /name="field"\r\n\r\nvalue/ : /^text$/);
      expect(response.trailers).toEqual({ "x-end": "here" });
    }
  });

  test("stream and pipeline write to the given streams", async () => {
    const { url } = await echo();
    const written: Buffer[] = [];
    const sink = (): Writable =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          written.push(chunk);
          setImmediate(done);
        },
      });
    const { trailers } = await stream(url, { dispatcher: http2Agent(), method: "PUT", body: "one" }, sink);
    expect(trailers).toEqual({ "x-end": "here" });
    await pump(
      Readable.from(["two"]),
      pipeline(url, { dispatcher: http2Agent(), method: "PUT" }, ({ body }) => body),
      sink(),
    );
    expect(Buffer.concat(written).toString()).toMatch(/"body":"one"[^]*"body":"two"/);
  });

  test("fetch sends and streams both ways", async () => {
    const { origin } = await echo();
    const response = await fetch(`${origin}/there`, {
      dispatcher: http2Agent(),
      method: "POST",
      body: new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode("streamed"));
          controller.close();
        },
      }),
      duplex: "half",
    });
    expect(response.headers.get("x-method")).toBe("POST");
    expect(await response.json()).toMatchObject({ url: "/there", body: "streamed" });
  });

  test("retry interceptor and RetryAgent begin again, trailers and all", async () => {
    let asked = 0;
    const { url } = await server((incoming, response) => {
      asked += 1;
      incoming.resume();
      incoming.on("end", () => {
        response.writeHead(asked % 2 === 1 ? 503 : 200);
        response.end(JSON.stringify(incoming.trailers));
      });
    });
    const retrying: Dispatcher[] = [
      http2Agent().compose(interceptors.retry({ minTimeout: 1 })),
      new RetryAgent(http2Agent(), { minTimeout: 1 }),
    ];
    for (const dispatcher of retrying) {
      let given = 0;
      const trailers = (): Record<string, string> => ({ "x-attempt": String((given += 1)) });
      const { statusCode, body } = await request(url, { dispatcher, method: "PUT", body: "content", trailers });
      expect([statusCode, await body.json()]).toEqual([200, { "x-attempt": "2" }]);
    }
  });

  test("retry interceptor continues a download that was cut", async () => {
    const content = "0123456789".repeat(1_000);
    let asked = 0;
    const { url } = await server((incoming, response) => {
      asked += 1;
      const from = Number(/bytes=(\d+)-/.exec(incoming.headers.range ?? "")?.[1] ?? 0);
      const range = { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` };
      response.writeHead(from > 0 ? 206 : 200, {
        etag: '"one"',
        "content-length": content.length - from,
        ...(from > 0 && range),
      });
      if (asked > 1) response.end(content.slice(from));
      else response.write(content.slice(0, 4_000), () => response.stream.close(2));
    });
    const dispatcher = http2Agent().compose(interceptors.retry({ minTimeout: 1 }));
    expect(await (await request(url, { dispatcher })).body.text()).toBe(content);
    expect(asked).toBe(2);
  });

  test("redirect interceptor goes where it is sent", async () => {
    const target = await echo();
    const { url } = await server((incoming, response) => {
      incoming.resume();
      response.writeHead(307, { location: `${target.origin}/there` });
      response.end();
    });
    const dispatcher = http2Agent().compose(interceptors.redirect({ maxRedirections: 1 }));
    const response = await request(url, { dispatcher, method: "PUT", body: "content", trailers: { "x-own": "1" } });
    expect(await response.body.json()).toMatchObject({ url: "/there", body: "content", trailers: { "x-own": "1" } });
  });

  test("dns interceptor connects to an address, and names the host in :authority", async () => {
    const { port } = await echo();
    const dns = interceptors.dns({
      dualStack: false,
      lookup: (_origin, _options, done) => done(null, [{ address: "127.0.0.1", family: 4, ttl: 10_000 }]),
    });
    const { body } = await request(`http://example.test:${port}`, { dispatcher: http2Agent().compose(dns) });
    expect(await body.json()).toMatchObject({ headers: { ":authority": `example.test:${port}` } });
  });

  test("cache interceptor answers the second time on its own", async () => {
    let asked = 0;
    const { url } = await server((_incoming, response) => {
      asked += 1;
      response.writeHead(200, { "cache-control": "max-age=60" });
      response.end("content");
    });
    const dispatcher = http2Agent().compose(interceptors.cache());
    for (let turn = 0; turn < 3; turn++) expect(await (await request(url, { dispatcher })).body.text()).toBe("content");
    expect(asked).toBe(1);
  });

  test("decompress and dump interceptors do what they do", async () => {
    const { url } = await server((_incoming, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      response.end(gzipSync("unpacked ".repeat(10_000)));
    });
    const unpacking = http2Agent().compose(interceptors.decompress());
    expect(await (await request(url, { dispatcher: unpacking })).body.text()).toBe("unpacked ".repeat(10_000));
    const dumping = http2Agent().compose(interceptors.dump());
    expect(await (await request(url, { dispatcher: dumping })).body.text()).toBe("");
  });

  test("abort signals reset the stream", async () => {
    const { promise: reset, resolve } = Promise.withResolvers<number>();
    const { url } = await server((incoming, response) => {
      response.stream.on("close", () => resolve(response.stream.rstCode));
      response.writeHead(200);
      response.write("some");
      incoming.resume();
    });
    const controller = new AbortController();
    const { body } = await request(url, { dispatcher: http2Agent(), signal: controller.signal });
    controller.abort();
    await expect(body.text()).rejects.toMatchObject({ name: "AbortError" });
    expect(await reset).toBe(8);
  });
});
