import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";

import { certificate, deadline, foreignStreams, listen, OldStream, rawClient } from "@trailsum/testkit";
import { createServer as createTlsServer } from "node:https";
import { describe, expect, test } from "vitest";

import { sendVerified, type ContentSource, type SendVerifiedOptions } from "../src/index.ts";
import { answerOf, base64, content, exchange, md5, other, readResponse, request } from "./peer.ts";
import { digestsOf } from "./store-contract.ts";

/** A server that answers everything with this, and reports how that went. */
async function answering(source: () => ContentSource, options: SendVerifiedOptions = {}) {
  const outcomes: Promise<unknown>[] = [];
  const server = createServer((_req: IncomingMessage, res: ServerResponse) => {
    outcomes.push(sendVerified(res, source(), options).catch((error: unknown) => error));
  });
  const { port } = await listen(server);
  return {
    port,
    outcome: async (): Promise<unknown> =>
      deadline(Promise.all(outcomes), () => "the response is still going out").then(([first]) => first),
  };
}

/** Whether by an error or not. */
const closed = (source: Readable): Promise<void> =>
  source.closed ? Promise.resolve() : new Promise((resolve) => source.once("close", resolve));

const Foreign = foreignStreams[0]![1].PassThrough;

const te = ["TE: trailers", "Connection: TE"];
const pieces = (): Readable =>
  Readable.from([content.subarray(0, 5), Buffer.alloc(0), content.subarray(5), Buffer.alloc(0)]);
async function* generated(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(content.subarray(0, 3));
  yield new Uint8Array(content.subarray(3));
}

describe("to a client that sent TE: trailers", () => {
  test.each([
    ["a stream", pieces],
    ["an async iterable", generated],
    ["a buffer", () => content],
    ["an array of bytes", () => new Uint8Array(content)],
    ["a string", () => content.toString()],
    ["a web stream", () => ReadableStream.from(generated())],
    ["an old stream", () => new OldStream([content]) as unknown as ContentSource],
    ["a stream of another class", () => new Foreign().end(content) as ContentSource],
  ])("%s goes out in chunks, with its digests as trailers", async (_what, source) => {
    const { port, outcome } = await answering(source);
    const { message } = await exchange(port, request("GET /", te));
    expect(message.fieldLines).toEqual(
      expect.arrayContaining(["Trailer: Md5, Size, Content-Digest", "Transfer-Encoding: chunked"]),
    );
    expect(message.body).toEqual(content);
    expect(message.trailerLines).toEqual([
      `Md5: ${md5(content)}`,
      `Size: ${content.length}`,
      `Content-Digest: sha-256=:${base64("sha256", content)}:, md5=:${base64("md5", content)}:`,
    ]);
    expect(await outcome()).toBeUndefined();
  });

  test.each(["te: gzip;q=0.5, TRAILERS", "TE: gzip\r\nTE: trailers", "TE: trailers;q=1"])("%j counts", async (line) => {
    const { port } = await answering(() => content);
    expect((await exchange(port, request("GET /", [line]))).message.trailerLines).toHaveLength(3);
  });

  test("nothing at all is content, too", async () => {
    const { port } = await answering(() => Readable.from([]));
    const { message } = await exchange(port, request("GET /", te));
    expect(message.trailerLines).toContain("Size: 0");
  });

  test("the algorithms are those asked for", async () => {
    const { port } = await answering(pieces, { algorithms: ["sha-256", "crc64nvme"] });
    const { message } = await exchange(port, request("GET /", te));
    expect(message.fieldLines).toContain("Trailer: Size, Content-Digest");
    expect(message.trailerLines[1]).toContain(`sha-256=:${base64("sha256", content)}:, crc64nvme=:`);
  });

  test("known digests are in the header, too, and what is sent is checked against them", async () => {
    const { port, outcome } = await answering(pieces, { digests: await digestsOf(content) });
    const answer = await exchange(port, request("GET /", te));
    const field = `md5=:${base64("md5", content)}:, sha-256=:${base64("sha256", content)}:`;
    expect(answer.field("Repr-Digest")).toBe(field);
    expect(answer.message.trailerLines).toContain(`Content-Digest: ${field}`);
    expect(await outcome()).toBeUndefined();
  });
});

describe("to any other client", () => {
  test.each([["TE: gzip"], ["TE: trailersx"], ["X-TE: trailers"]])("%s: no trailers", async (line) => {
    const { port } = await answering(() => content);
    const answer = await exchange(port, request("GET /", [line]));
    expect(answer.field("Content-Length")).toBe(String(content.length));
    expect(answer.field("Trailer")).toBeUndefined();
    expect(answer.message.body).toEqual(content);
  });

  test("content of unknown size goes out in chunks, without trailers", async () => {
    const { port } = await answering(pieces);
    const { message } = await exchange(port, request("GET /"));
    expect(message.chunks).toBeDefined();
    expect(message.body).toEqual(content);
    expect(message.trailerLines).toEqual([]);
    expect(message.fieldLines.join()).not.toContain("Trailer:");
  });

  test("HTTP/1.0 gets neither chunks nor trailers, whatever it asks for", async () => {
    const { port } = await answering(pieces);
    const client = await rawClient(port);
    client.end("GET / HTTP/1.0\r\nTE: trailers\r\n\r\n");
    const text = (await client.readToEnd()).toString("latin1");
    expect(text.toLowerCase()).not.toContain("trailer");
    expect(text.toLowerCase()).not.toContain("chunked");
    expect(text.endsWith(`\r\n\r\n${content.toString()}`)).toBe(true);
  });

  test("HEAD gets the fields that GET would have had, and no content", async () => {
    const { port, outcome } = await answering(pieces, { digests: await digestsOf(content), headers: [["X-A", "1"]] });
    const client = await rawClient(port);
    void client.write(request("HEAD /", [...te, "Connection: close"]));
    const bytes = await client.readToEnd();
    expect(bytes.subarray(-4).toString()).toBe("\r\n\r\n");
    const text = bytes.toString("latin1");
    expect(text).toContain(`Content-Length: ${content.length}\r\n`);
    expect(text).toContain("Repr-Digest: md5=");
    expect(text).toContain("X-A: 1");
    expect(text).not.toContain("Trailer");
    expect(await outcome()).toBeUndefined();
  });

  test.each([204, 304])("status %i has no content and no trailers", async (status) => {
    const { port, outcome } = await answering(pieces, { status });
    const client = await rawClient(port);
    void client.write(request("GET /", [...te, "Connection: close"]));
    expect((await client.readToEnd()).toString("latin1")).not.toMatch(/trailer|chunked|hello/i);
    expect(await outcome()).toBeUndefined();
  });

  test("header lines are sent as given, duplicates too, but for those that frame", async () => {
    const headers: [string, string][] = [
      ["X-A", "1"],
      ["X-A", "2"],
      ["Content-Length", "3"],
      ["Trailer", "X"],
      ["Transfer-Encoding", "gzip"],
    ];
    const { port } = await answering(() => content, { headers, status: 203 });
    const answer = await exchange(port, request("GET /"));
    expect(answer.status).toBe(203);
    expect(answer.message.fieldLines.filter((line) => line.startsWith("X-A"))).toEqual(["X-A: 1", "X-A: 2"]);
    expect(answer.field("Content-Length")).toBe(String(content.length));
  });
});

test("a header field that may not be sent aborts the response", async () => {
  const { port, outcome } = await answering(() => content, { headers: [["X-A", "1\r\nX-B: 2"]] });
  const client = await rawClient(port);
  void client.write(request("GET /"));
  await client.closed;
  expect(client.received).toHaveLength(0);
  expect(await outcome()).toMatchObject({ name: "TrailsumError", code: "INTERNAL" });
});

describe("content that is not what it should be", () => {
  const wires = {
    "to a client that takes trailers": request("GET /", te),
    "to a client that does not": request("GET /"),
    "to a client of HTTP/1.0": Buffer.from("GET / HTTP/1.0\r\n\r\n"),
  };
  const large = Buffer.alloc(1_000_000, "trailsum");
  const rotten = Buffer.from(large);
  rotten[999_999] = 0;

  describe.each(Object.entries(wires))("%s", (_who, wire) => {
    test.each<[string, () => ContentSource, () => Promise<SendVerifiedOptions>]>([
      ["other bytes", () => rotten, async () => ({ digests: await digestsOf(large) })],
      [
        "other bytes in many pieces",
        () => Readable.from([rotten.subarray(0, 500_000), rotten.subarray(500_000), Buffer.alloc(0)]),
        async () => ({ digests: await digestsOf(large) }),
      ],
      ["fewer bytes", () => Readable.from([large]), async () => ({ size: 1_000_001 })],
      ["more bytes", () => Readable.from([large, other]), async () => ({ size: 1_000_000 })],
      [
        "a source that fails",
        () =>
          Readable.from(
            (async function* () {
              yield large;
              throw new Error("the disk is gone");
            })(),
          ),
        async () => ({}),
      ],
    ])("%s: aborted, never ended", async (_what, source, options) => {
      const { port, outcome } = await answering(source, await options());
      const client = await rawClient(port);
      client.end(wire);
      const bytes = await client.readToEnd();
      await client.closed;
      expect(await outcome()).toMatchObject({ name: "TrailsumError" });
      const text = bytes.toString("latin1");
      expect(text).not.toMatch(/\r\n0\r\n/);
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      if (length !== undefined) {
        // oxlint-disable-next-line vitest/no-conditional-expect -- one framing of several
        expect(bytes.length - (text.indexOf("\r\n\r\n") + 4)).toBeLessThan(Number(length));
      }
      // Where only the end of the connection marks the end, it must not be an orderly one.
      expect(client.error).toMatchObject({ code: "ECONNRESET" });
    });
  });

  test("is reported by its code", async () => {
    const { port, outcome } = await answering(() => rotten, { digests: await digestsOf(large) });
    const client = await rawClient(port);
    void client.write(request("GET /"));
    await client.closed;
    expect(await outcome()).toMatchObject({ code: "STORED_BYTES_DIFFER" });
  });

  test("is aborted over TLS, too", async () => {
    const { cert, key } = await certificate();
    const digests = await digestsOf(large);
    const server = createTlsServer({ cert, key }, (_req, res) => {
      sendVerified(res, Readable.from([rotten.subarray(0, 500_000), rotten.subarray(500_000)]), { digests }).catch(
        () => {},
      );
    });
    const { port } = await listen(server);
    const client = await rawClient(port, { tls: { ca: cert } });
    void client.write(request("GET /"));
    const bytes = await client.readToEnd();
    expect(bytes.length).toBeLessThan(1_000_000);
  });
});

describe("a client that goes away", () => {
  test("destroys the source, even one that waits", async () => {
    const source = new Readable({ read() {} });
    source.push(content);
    source.push(other);
    const { port, outcome } = await answering(() => source);
    const client = await rawClient(port);
    void client.write(request("GET /", te));
    await client.readHead();
    client.destroy();
    await closed(source);
    expect(await outcome()).toMatchObject({ code: "CONNECTION_LOST" });
  });

  test("before the response begins destroys the source", async () => {
    const source = pieces();
    const outcome = Promise.withResolvers<unknown>();
    const server = createServer((_req, res) => {
      res.once("close", () => {
        sendVerified(res, source).then(outcome.resolve, outcome.resolve);
      });
    });
    const { port } = await listen(server);
    const arrived = once(server, "request");
    const client = await rawClient(port);
    void client.write(request("GET /"));
    await arrived;
    client.destroy();
    expect(await outcome.promise).toMatchObject({ code: "CONNECTION_LOST" });
    expect(source.destroyed).toBe(true);
  });

  test("that reads nothing stops the source: memory stays bounded", async () => {
    let produced = 0;
    const endless = Readable.from(
      (function* () {
        for (;;) {
          produced += 65_536;
          yield Buffer.alloc(65_536);
        }
      })(),
      { objectMode: false, highWaterMark: 65_536 },
    );
    const { port } = await answering(() => endless);
    const client = await rawClient(port);
    client.socket.pause();
    void client.write(request("GET /", te));
    let before = -1;
    while (produced !== before) {
      before = produced;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    // What the system keeps of a connection in its own buffers, on both sides.
    expect(produced).toBeLessThan(32 * 1024 * 1024);
    client.destroy();
    await closed(endless);
  });
});

test("a signal aborts the response", async () => {
  const controller = new AbortController();
  const source = new Readable({ read() {} });
  source.push(content);
  source.push(other);
  const { port, outcome } = await answering(() => source, { signal: controller.signal });
  const client = await rawClient(port);
  void client.write(request("GET /", te));
  await client.readHead();
  controller.abort();
  await client.closed;
  expect(await outcome()).toMatchObject({ code: "ABORTED" });
  expect(source.destroyed).toBe(true);
});

test("a connection is kept for the next request", async () => {
  const { port } = await answering(() => content);
  const client = await rawClient(port);
  for (const fields of [te, [], te]) {
    void client.write(request("GET /", fields));
    expect(answerOf(await readResponse(client)).message.body).toEqual(content);
  }
});
