import { generateKeyPairSync } from "node:crypto";

import { type FieldLine, FieldLines, parseSignatureKeys, type SignatureKey, signUpload } from "@trailsum/shared";
import { type RawServer, rawServer, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, FRONTS, readMessage } from "./peers.ts";
import { BODY, message, sha256 } from "./verified.ts";

const keyOf = (): SignatureKey =>
  parseSignatureKeys(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString())[0]!;
const known = keyOf();
const signatureKeys = [known];

/** An origin that answers requests that are whole. */
const reader = (): Promise<RawServer> =>
  rawServer(async (connection) => {
    const { complete } = await readMessage(connection);
    if (complete) await connection.write("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    await connection.readToEnd();
  });

/** What can differ from an upload to `/a` that is signed as it should be. */
interface Case {
  readonly key?: SignatureKey;
  /** The path that is signed. */
  readonly path?: string;
  readonly digested?: string;
  readonly created?: number;
  readonly body?: string;
}

const lines = (fields: readonly FieldLine[]): string[] => fields.map(([name, value]) => `${name}: ${value}`);

/** The digest of an upload, and the lines of its signature. */
function signature(
  section: "header" | "trailer",
  { key = known, path = "/a", digested = BODY, created = Math.floor(Date.now() / 1_000) }: Case,
): string[] {
  const digest = [["Content-Digest", sha256(digested)]] as const;
  const own = { header: FieldLines.empty, trailer: FieldLines.empty, [section]: FieldLines.from(digest) };
  return lines([...digest, ...signUpload({ method: "PUT", path, ...own }, key, { created })]);
}

const put = (rest: string): string => `PUT /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${rest}`;

/** Uploads whose signature is after the content, before it, and before it with a length. */
const UPLOADS: readonly (readonly [how: string, (given: Case) => string])[] = [
  [
    "trailers",
    (given) => put(message({ ...given, fields: ["Trailer: Content-Digest"], trailers: signature("trailer", given) })),
  ],
  ["the header", (given) => put(message({ ...given, fields: signature("header", given) }))],
  [
    "the header of content with a length",
    ({ body = BODY, ...given }) =>
      put(message({ body, fields: [`Content-Length: ${body.length}`, ...signature("header", given)] })),
  ],
];

describe.each(FRONTS)("a proxy %s that requires signatures:", (_front, proxyServer) => {
  describe.each(UPLOADS)("of an upload, in %s", (_how, upload) => {
    test("forwards one that is signed with a known key, with its signature", async () => {
      const origin = await reader();
      const { port } = await proxyServer({ target: origin.origin, signatureKeys });
      expect((await ask(port, upload({}))).startLine).toBe("HTTP/1.1 201 Created");
      const received = await readMessage(origin.connections[0]!);
      expect(received.body.toString()).toBe(BODY);
      const sections = [...received.fieldLines, ...received.trailerLines];
      expect(sections.filter((line) => /^signature/i.test(line))).toHaveLength(2);
    });

    test.each<[string, Case]>([
      ["with another key", { key: keyOf() }],
      ["for another path", { path: "/b" }],
      ["long ago", { created: Math.floor(Date.now() / 1_000) - 301 }],
      ["for other content", { digested: "other" }],
      ["and whose content was changed", { body: BODY.replace("content", "c0ntent") }],
    ])("never shows the end of one that is signed %s: 400", async (_what, given) => {
      const origin = await reader();
      const { port } = await proxyServer({ target: origin.origin, signatureKeys });
      expect((await ask(port, upload(given))).startLine).toBe("HTTP/1.1 400 Bad Request");
      const received = await Promise.all(origin.connections.map((connection) => readMessage(connection)));
      expect(received.filter(({ complete }) => complete)).toEqual([]);
    });
  });

  test.each([
    ["with a digest only", put(message({ fields: [`Repr-Digest: ${sha256(BODY)}`] }))],
    ["with nothing", put(message({}))],
    ["without content", "PUT /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
    ["that is staged", put(message({ fields: ["Upload-Complete: ?0"] }))],
    ["by another method", put(message({})).replace("PUT", "REPORT")],
  ])("refuses an upload %s", async (_what, bytes) => {
    const origin = await reader();
    const { port } = await proxyServer({ target: origin.origin, signatureKeys });
    const answer = await ask(port, bytes);
    expect(answer.startLine).toBe("HTTP/1.1 400 Bad Request");
    expect(JSON.parse(answer.body.toString())).toMatchObject({ status: 400 });
  });

  test("forwards an empty upload that is signed in the header, and reads without a signature", async () => {
    const origin = await httpServer((req, res) => void req.resume().on("end", () => res.writeHead(201).end()));
    const { port } = await proxyServer({ target: origin.origin, signatureKeys });
    const empty = (digested: string): string =>
      put(message({ body: "", fields: ["Content-Length: 0", ...signature("header", { digested })] }));
    expect((await ask(port, empty(""))).startLine).toBe("HTTP/1.1 201 Created");
    expect((await ask(port, empty("something"))).startLine).toBe("HTTP/1.1 400 Bad Request");
    const get = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    expect((await ask(port, get)).startLine).toBe("HTTP/1.1 201 Created");
  });
});
