import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { parseMessage, type RawConnection, rawServer, tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { upload, type UploadSource } from "../../src/index.ts";
import { rejection, wholeRequest, wireResponse } from "../transfer/peers.ts";
import { trailerAgent } from "../agent/side-by-side.ts";
import { content as contentOf, record } from "./recording.ts";

const created = wireResponse("201 Created", [["Content-Length", "0"]]);
const content = Buffer.alloc(3_000_000, "content");

/** Takes one upload on its first connection and closes it when the next one comes there; later connections take all. */
function stale(onSecond: (connection: RawConnection) => void | Promise<void>): ReturnType<typeof rawServer> {
  return rawServer(async (connection, index) => {
    await wholeRequest(connection);
    const first = connection.received.length;
    await connection.write(created);
    if (index > 0) return;
    while (connection.received.length === first && !connection.ended) await connection.readBytes(1).catch(() => {});
    await onSecond(connection);
  });
}

const sources: readonly [kind: string, make: () => Promise<UploadSource>][] = [
  [
    "a file",
    async () => {
      const path = join(await tempDir(), "file");
      await writeFile(path, content);
      return path;
    },
  ],
  ["bytes", async () => content],
  ["a Blob", async () => new Blob([content])],
];

test.each(sources)(
  "an upload of %s on a kept connection that the server closes goes to a new one, whole",
  async (_kind, make) => {
    for (const close of [
      (connection: RawConnection) => connection.end(),
      (connection: RawConnection) => connection.reset(),
    ]) {
      const server = await stale((connection) => {
        close(connection);
      });
      const source = await make();
      expect((await upload(server.origin, "/dev/null", { delivery: "trailers" })).status).toBe(201);
      const progress: number[] = [];
      const result = await upload(server.origin, source, {
        delivery: "trailers",
        onProgress: ({ transferred }) => void progress.push(transferred),
      });
      expect(result).toMatchObject({ status: 201, digests: { size: content.length } });
      const { body, trailerLines } = parseMessage(server.connections[1]!.received);
      expect(body.equals(content)).toBe(true);
      expect(trailerLines).toContain(`Size: ${content.length}`);
      expect(progress.at(-1)).toBe(content.length);
    }
  },
);

test("an upload of a stream on a kept connection that the server closes fails", async () => {
  const server = await stale((connection) => connection.reset());
  await upload(server.origin, "/dev/null", { delivery: "trailers" });
  const error = await rejection(upload(server.origin, ReadableStream.from([content]), { delivery: "trailers" }));
  expect(error.code).toBe("CONNECTION_LOST");
  expect(server.connections).toHaveLength(1);
});

test("a POST on a kept connection that the server closes is not sent twice", async () => {
  const server = await stale((connection) => connection.reset());
  await upload(server.origin, "/dev/null", { delivery: "trailers" });
  const error = await rejection(upload(server.origin, content, { method: "POST" }));
  expect(error.code).toBe("CONNECTION_LOST");
  expect(server.connections).toHaveLength(1);
});

test("TrailerAgent sends an iterable again only where it is said to be rereadable", async () => {
  for (const rereadable of [true, false]) {
    const server = await stale((connection) => connection.reset());
    const agent = trailerAgent({ connections: 1 });
    const body = {
      *[Symbol.iterator]() {
        yield "one ";
        yield "two";
      },
    };
    await record(agent, server.origin, { method: "PUT", body: "first", trailers: { Md5: "x" } }).ended;
    const second = await record(agent, server.origin, { method: "PUT", body, rereadable, trailers: { Md5: "x" } })
      .ended;
    expect(second.status).toBe(rereadable ? 201 : undefined);
    expect(contentOf(second)).toBe("");
  }
});
