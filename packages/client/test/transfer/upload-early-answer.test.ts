import { FeedSource, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { upload } from "../../src/index.ts";
import { httpServer, receiver, rejection, wireResponse } from "./peers.ts";

const MiB = 1024 * 1024;
const problem: [string, string][] = [
  ["Content-Type", "application/problem+json"],
  ["Content-Length", "31"],
];
const tooLarge = wireResponse("413 Content Too Large", problem, '{"detail":"at most 1000 bytes"}');

/** A source that has far more than any socket holds. */
function large(): FeedSource {
  const source = new FeedSource();
  source.offer(256 * MiB);
  source.finish();
  return source;
}

describe("an upload that is refused before it has arrived stops, and its source is not read to its end:", () => {
  test("413, and the connection is reset after it", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(tooLarge);
      await connection.closed;
    });
    const source = large();
    const error = await rejection(upload(server.origin, source, { delivery: "trailers" }));
    expect(error).toMatchObject({ code: "REFUSED", status: 413, message: expect.stringContaining("at most 1000") });
    expect(source.destroyed).toBe(true);
    expect(source.produced).toBeLessThan(64 * MiB);
  });

  test("413, from a server that stops reading and closes with bytes unread", async () => {
    const server = await httpServer((_request, response) => {
      response.writeHead(413, { Connection: "close", "Content-Length": "0" }).end(() => response.socket?.destroy());
    });
    const source = large();
    const error = await rejection(upload(server.origin, source, { delivery: "trailers" }));
    expect(error).toMatchObject({ code: "REFUSED", status: 413 });
    expect(source.produced).toBeLessThan(64 * MiB);
  });

  test("401, while the source gives nothing", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(wireResponse("401 Unauthorized", [["Content-Length", "0"]]));
    });
    const source = new FeedSource();
    expect(await rejection(upload(server.origin, source, { delivery: "trailers" }))).toMatchObject({
      code: "REFUSED",
      status: 401,
    });
    expect(source.destroyed).toBe(true);
  });

  test("417, before a byte of it was read", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(wireResponse("417 Expectation Failed", [["Content-Length", "0"]]));
    });
    const source = large();
    const error = await rejection(
      upload(server.origin, source, { delivery: "trailers", headers: { Expect: "100-continue" } }),
    );
    expect(error).toMatchObject({ code: "REFUSED", status: 417 });
    expect(source.produced).toBe(0);
  });
});

describe("an upload that is accepted before it has arrived is not a success:", () => {
  test("201 at once, from a server that reads on", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(wireResponse("201 Created", [["Content-Length", "0"]]));
    });
    const source = large();
    const error = await rejection(upload(server.origin, source, { delivery: "trailers" }));
    expect(error).toMatchObject({ code: "PROTOCOL", message: expect.stringContaining("before it had arrived") });
    expect(source.destroyed).toBe(true);
  });

  test("201 that claims the right digest of what it cannot have seen", async () => {
    const source = new FeedSource(Buffer.from("all"));
    source.offer(3);
    const server = await rawServer(async (connection) => {
      await connection.readUntil("all");
      const right: [string, string] = ["Repr-Digest", "md5=:oYHZv1A42gIyLJhC/1M9Hg==:"];
      await connection.write(wireResponse("201 Created", [["Content-Length", "0"], right]));
    });
    expect((await rejection(upload(server.origin, source, { delivery: "trailers" }))).code).toBe("PROTOCOL");
  });

  test("but a server may begin its answer before, and end it after all has arrived", async () => {
    const source = new FeedSource(Buffer.from("all"));
    source.offer(3);
    const server = await rawServer(async (connection) => {
      await connection.readUntil("all");
      await connection.write("HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nbe");
      source.finish();
      await connection.readUntil("Content-Digest: sha-256=");
      await connection.write("en");
    });
    const result = await upload(server.origin, source, { delivery: "trailers" });
    expect(result).toMatchObject({ status: 201, digests: { size: 3 } });
  });
});

test("an upload waits for 100 Continue where that is asked for", async () => {
  const server = await receiver();
  const result = await upload(server.origin, ["all"], { delivery: "trailers", headers: { Expect: "100-continue" } });
  expect(result.status).toBe(201);
  expect(server.uploads[0]!.header.get("Expect")).toBe("100-continue");
});
