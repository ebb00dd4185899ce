import { fieldValues, parseMessage, rawClient, rawServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { base64Of, content, fileOf, md5, patterned, sha256 } from "./support/content.ts";
import { startHop } from "./support/hop.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

const digests = (bytes: Uint8Array): string[] => [
  `Md5: ${md5(bytes)}`,
  `Size: ${bytes.length}`,
  `Content-Digest: sha-256=:${base64Of("sha256", bytes)}:, md5=:${base64Of("md5", bytes)}:`,
];

test("an upload stands on the wire as in the article: chunked, announced, and the values after the last chunk", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readUntil("\r\n0\r\n");
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const file = await fileOf();
  const { exitCode } = await trailsum(["upload", file, `${server.origin}/a/b%20c?d=e`, "-H", "X-Extra: yes"]);
  expect(exitCode).toBe(0);
  const message = parseMessage(server.connections[0]!.received);
  expect(message.startLine).toBe("PUT /a/b%20c?d=e HTTP/1.1");
  expect(Object.fromEntries(fields(message.fieldLines))).toEqual({
    host: `127.0.0.1:${server.port}`,
    connection: expect.stringMatching(/\bTE$/),
    te: "trailers",
    trailer: "Md5, Size, Content-Digest",
    "transfer-encoding": "chunked",
    "user-agent": expect.stringMatching(/^trailsum/),
    "want-repr-digest": "sha-256=10, md5=1",
    "x-extra": "yes",
  });
  expect([message.chunkLines, message.body, message.trailerLines, message.rest.length, message.complete]).toEqual([
    ["2a", "0"],
    content,
    digests(content),
    0,
    true,
  ]);
});

test("an upload of several chunks with further digests is framed without a flaw", async () => {
  const { url } = await serve();
  const hop = await startHop(url);
  const bytes = patterned(1_000_003);
  const result = await trailsum(
    ["upload", "-", `${hop.origin}/big`, "--delivery", "trailers", "-X", "POST", "--digest", "sha-256,md5"],
    {
      input: bytes,
    },
  );
  expect([result.exitCode, result.stdout]).toEqual([0, `${sha256(bytes)}  -\n`]);
  const message = parseMessage(hop.request());
  expect(message.startLine).toBe("POST /big HTTP/1.1");
  expect(message.chunkLines.length).toBeGreaterThan(2);
  expect(message.body.equals(bytes)).toBe(true);
  expect(message.trailerLines.slice(0, 2)).toEqual(digests(bytes).slice(0, 2));
  expect(fieldValues(message.trailerLines, "content-digest").join().split(", ").toSorted()).toEqual([
    `md5=:${base64Of("md5", bytes)}:`,
    `sha-256=:${base64Of("sha256", bytes)}:`,
  ]);
  expect(message.trailerLines).toHaveLength(3);
  expect(message.rest).toHaveLength(0);
});

test("serve sends trailers to clients that send TE: trailers, and a length to others", async () => {
  const { url, port } = await serve();
  await trailsum(["upload", await fileOf(), `${url}/it`]);
  const get = async (...lines: string[]) => {
    const client = await rawClient(port);
    await client.write(["GET /it HTTP/1.1", "Host: test", "Connection: close", ...lines, "", ""].join("\r\n"));
    return parseMessage(await client.readToEnd());
  };
  const reprDigest = [`md5=:${base64Of("md5", content)}:, sha-256=:${base64Of("sha256", content)}:`];

  const streamed = await get("TE: trailers");
  expect(streamed.startLine).toBe("HTTP/1.1 200 OK");
  expect(fieldValues(streamed.fieldLines, "transfer-encoding")).toEqual(["chunked"]);
  expect(fieldValues(streamed.fieldLines, "trailer")).toEqual(["Md5, Size, Content-Digest"]);
  expect(fieldValues(streamed.fieldLines, "repr-digest")).toEqual(reprDigest);
  expect(fieldValues(streamed.fieldLines, "content-length")).toEqual([]);
  const trailers = [`Md5: ${md5(content)}`, `Size: ${content.length}`, `Content-Digest: ${reprDigest[0]}`];
  expect([streamed.body, streamed.trailerLines, streamed.complete]).toEqual([content, trailers, true]);

  const plain = await get();
  expect(fieldValues(plain.fieldLines, "content-length")).toEqual([String(content.length)]);
  expect(fieldValues(plain.fieldLines, "repr-digest")).toEqual(reprDigest);
  expect(fieldValues(plain.fieldLines, "trailer")).toEqual([]);
  expect([plain.body, plain.trailerLines, plain.complete]).toEqual([content, [], true]);
});

function fields(lines: readonly string[]): [name: string, value: string][] {
  return lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
}
