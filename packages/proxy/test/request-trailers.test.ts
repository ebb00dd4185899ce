import { type ParsedMessage, rawHttp2Client, rawServer, requestFields } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, type Front, FRONTS, proxyServer, readMessage } from "./peers.ts";

/** Trailers that go on without being asked for, and no others. */
const INTEGRITY = [
  "Md5: 900150983cd24fb0d6963f7d28e17f72",
  "Size: 3",
  "content-digest: sha-256=:a:",
  "Repr-Digest: sha-256=:a:",
  "Unencoded-Digest: sha-256=:a:",
  "Content-MD5: a",
  "Digest: md5=a",
  "x-goog-hash: md5=a",
  "x-amz-checksum-crc32c: a",
  "OC-Checksum: MD5:a",
  "Upload-Checksum: md5 a",
  "Signature-Input: a=()",
  "Signature: a=:b:",
];

/** What a client could have a server believe. */
const SPOOFED = [
  "X_Forwarded_For: 192.0.2.47",
  "X-Forwarded-Port: 1",
  "X-Real-IP: 192.0.2.47",
  "True-Client-IP: 192.0.2.47",
  "X-HTTP-Method-Override: DELETE",
  "X-Auth-User: admin",
  "X-Role: admin",
  "Location: http://elsewhere.example/",
  "Origin: http://elsewhere.example",
  "Content_Digest: md5=:a:",
];

/** What the origin got of a request. */
interface Passed {
  readonly announced: readonly string[];
  readonly trailers: readonly string[];
}

async function pass(
  front: Front,
  { trailers, fields = [], select }: { trailers: readonly string[]; fields?: readonly string[]; select?: "declared" },
): Promise<Passed> {
  const received = Promise.withResolvers<ParsedMessage>();
  const origin = await rawServer(async (connection) => {
    received.resolve(await readMessage(connection));
    await connection.write("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const { port } = await front({ target: origin.origin, requestTrailers: select });
  const head = ["POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", ...fields];
  expect((await ask(port, [...head, "", "3", "abc", "0", ...trailers, "", ""].join("\r\n"))).startLine).toContain(
    "204",
  );
  const { fieldLines, trailerLines } = await received.promise;
  return { announced: fieldLines.filter((line) => /^trailer:/i.test(line)), trailers: trailerLines };
}

const namesOf = (lines: readonly string[]): string => lines.map((line) => line.split(":")[0]).join(", ");

describe.each(FRONTS)("request trailers through a proxy %s (rule 73)", (_name, front) => {
  test("pass unasked where they say what the content must be, whether they were announced or not", async () => {
    expect(await pass(front, { trailers: INTEGRITY })).toEqual({ announced: [], trailers: INTEGRITY });
    expect(await pass(front, { trailers: INTEGRITY, fields: [`Trailer: ${namesOf(INTEGRITY)}`] })).toEqual({
      announced: [`Trailer: ${namesOf(INTEGRITY)}`],
      trailers: INTEGRITY,
    });
  });

  test("do not pass under any other name, though the client announces them itself", async () => {
    const fields = [`Trailer: ${namesOf(SPOOFED)}, Md5`];
    expect(await pass(front, { trailers: [...SPOOFED, "Md5: a"], fields })).toEqual({
      announced: ["Trailer: Md5"],
      trailers: ["Md5: a"],
    });
  });

  test.each(SPOOFED.filter((line) => !/^(?:X-Auth|X-Role|Content_)/.test(line)))(
    "may not be %j even where declared ones go on",
    async (line) => {
      const fields = [`Trailer: ${namesOf([line])}, X-Sum`];
      expect(await pass(front, { trailers: [line, "X-Sum: 1"], fields, select: "declared" })).toEqual({
        announced: ["Trailer: X-Sum"],
        trailers: ["X-Sum: 1"],
      });
    },
  );

  test("of gRPC pass in a gRPC request only", async () => {
    const trailers = [
      "grpc-status: 0",
      "grpc-message: fine",
      "grpc-status-details-bin: AA",
      "grpc-timeout: 1S",
      "x-meta: 1",
    ];
    const fields = ["Content-Type: application/grpc+proto"];
    expect((await pass(front, { trailers, fields })).trailers).toEqual(trailers.slice(0, 3));
    expect((await pass(front, { trailers })).trailers).toEqual([]);
  });
});

describe("request trailers from HTTP/2 to an origin of HTTP/1.1", () => {
  test.each([
    ["undeclared, without a length: they pass", [], "Transfer-Encoding: chunked", ["md5: a"]],
    ["undeclared, with a length: the length passes", [["content-length", "3"]], "Content-Length: 3", []],
    [
      "declared, with a length: they pass",
      [
        ["content-length", "3"],
        ["trailer", "md5"],
      ],
      "Transfer-Encoding: chunked",
      ["md5: a"],
    ],
  ] as const)("%s", async (_what, fields, framing, sent) => {
    const received = Promise.withResolvers<ParsedMessage>();
    const origin = await rawServer(async (connection) => {
      received.resolve(await readMessage(connection));
      await connection.write("HTTP/1.1 204 No Content\r\n\r\n");
    });
    const { port } = await proxyServer({ target: origin.origin });
    const client = await rawHttp2Client(port);
    const stream = await client.request(requestFields("PUT", "/", [...fields]));
    await stream.body("abc");
    await stream.endWithTrailers([
      ["md5", "a"],
      ["x-role", "admin"],
    ]);
    await stream.untilEnd();
    const { fieldLines, trailerLines } = await received.promise;
    expect(fieldLines.filter((line) => /^(?:content-length|transfer-encoding):/i.test(line))).toEqual([framing]);
    expect(trailerLines).toEqual(sent);
    client.connection.destroy();
  });
});
