import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { ErrorCode, FieldLine, VerdictName } from "@trailsum/shared";
import { rawServer, tempDir } from "@trailsum/testkit";
import { Agent, type Dispatcher } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { download, type DownloadOptions, type DownloadResult, TrailerAgent } from "../../src/index.ts";
import { httpServer, rejection } from "./peers.ts";

const content = "content";
const hash = (algorithm: string, encoding: "hex" | "base64", of = content): string =>
  createHash(algorithm).update(of).digest(encoding);
const md5 = hash("md5", "base64");
const wrong = hash("md5", "base64", "other");

interface Message {
  readonly header?: readonly FieldLine[];
  readonly trailer?: readonly FieldLine[];
  /** What `Trailer` announces; by default the names of the trailers. */
  readonly announced?: string;
}

/** A message that is sent as it is written here, chunked where it has trailers or announces any. */
async function serve({ header = [], trailer = [], announced }: Message): Promise<string> {
  const chunked = trailer.length > 0 || announced !== undefined;
  const names = announced ?? trailer.map(([name]) => name).join(", ");
  const framing: FieldLine[] = chunked
    ? [["Transfer-Encoding", "chunked"], ...(names === "" ? [] : [["Trailer", names] as const])]
    : [["Content-Length", String(content.length)]];
  const lines = (fields: readonly FieldLine[]): string => fields.map(([n, v]) => `${n}: ${v}\r\n`).join("");
  const body = chunked ? `7\r\n${content}\r\n0\r\n${lines(trailer)}\r\n` : content;
  const { origin } = await rawServer(async (connection) => {
    await connection.readHead();
    connection.end(`HTTP/1.1 200 OK\r\n${lines([...header, ...framing])}\r\n${body}`);
  });
  return origin;
}

/** Downloads a message; gives the result, and what there is in the directory then. */
async function outcome(
  message: Message,
  options: DownloadOptions,
): Promise<{ result: Promise<DownloadResult>; files: () => Promise<string[]> }> {
  const directory = await tempDir();
  const result = download(await serve(message), join(directory, "file"), options);
  const files = async (): Promise<string[]> => {
    const names = await readdir(directory);
    return Promise.all(names.map(async (name) => `${name}: ${await readFile(join(directory, name), "utf8")}`));
  };
  return { result, files };
}

const good: readonly [what: string, verdict: VerdictName, message: Message][] = [
  ["Repr-Digest in the header", "verified", { header: [["Repr-Digest", `md5=:${md5}:`]] }],
  [
    "Content-Digest in the header",
    "verified",
    { header: [["content-digest", `sha-512=:${hash("sha512", "base64")}:`]] },
  ],
  ["Content-MD5 in the header", "verified", { header: [["Content-MD5", md5]] }],
  ["Md5 in the header", "verified", { header: [["Md5", hash("md5", "hex")]] }],
  [
    "Md5 and Size after it",
    "verified",
    {
      trailer: [
        ["Md5", hash("md5", "hex")],
        ["Size", "7"],
      ],
    },
  ],
  ["Content-Digest after it", "verified", { trailer: [["Content-Digest", `md5=:${md5}:`]] }],
  ["Repr-Digest after it", "verified", { trailer: [["Repr-Digest", `sha-256=:${hash("sha256", "base64")}:`]] }],
  [
    "nothing but sha-512 after it",
    "verified",
    { trailer: [["Content-Digest", `sha-512=:${hash("sha512", "base64")}:`]] },
  ],
  ["Md5 after it, unannounced", "verified", { trailer: [["Md5", hash("md5", "hex")]], announced: "" }],
  ["a digest after it in other letters", "verified", { trailer: [["MD5", hash("md5", "hex").toUpperCase()]] }],
  [
    "sha-256 in the header, and again after it",
    "verified",
    {
      header: [["Repr-Digest", `sha-256=:${hash("sha256", "base64")}:`]],
      trailer: [["Content-Digest", `sha-256=:${hash("sha256", "base64")}:`]],
    },
  ],
  [
    "a digest of an algorithm that is unknown beside a known one",
    "verified",
    { header: [["Repr-Digest", `md6=:AAAA:, md5=:${md5}:`]] },
  ],
  ["nothing", "unverified", {}],
  ["the right Size alone", "unverified", { trailer: [["Size", "7"]] }],
  ["a digest that is unknown", "unverified", { header: [["Repr-Digest", "md6=:AAAA:"]] }],
  ["trailers about something else", "unverified", { trailer: [["Server-Timing", "a;dur=1"]] }],
];

const bad: readonly [what: string, code: ErrorCode, message: Message][] = [
  ["another Repr-Digest", "DIGEST_MISMATCHED", { header: [["Repr-Digest", `md5=:${wrong}:`]] }],
  ["another Content-Digest", "DIGEST_MISMATCHED", { header: [["Content-Digest", `md5=:${wrong}:`]] }],
  ["another Content-MD5", "DIGEST_MISMATCHED", { header: [["Content-MD5", wrong]] }],
  ["another Md5 after it", "DIGEST_MISMATCHED", { trailer: [["Md5", hash("md5", "hex", "other")]] }],
  [
    "another Size after it",
    "SIZE_MISMATCHED",
    {
      trailer: [
        ["Md5", hash("md5", "hex")],
        ["Size", "8"],
      ],
    },
  ],
  [
    "one bad digest among good ones",
    "DIGEST_MISMATCHED",
    {
      trailer: [
        ["Md5", hash("md5", "hex")],
        ["Size", "7"],
        ["Content-Digest", `sha-512=:${"A".repeat(86)}==:`],
      ],
    },
  ],
  [
    "a bad digest after a good header",
    "DIGEST_MISMATCHED",
    { header: [["Repr-Digest", `md5=:${md5}:`]], trailer: [["Md5", hash("md5", "hex", "other")]] },
  ],
  [
    "a header and a trailer that differ",
    "DIGEST_MALFORMED",
    { header: [["Content-Digest", `md5=:${md5}:`]], trailer: [["Content-Digest", `md5=:${wrong}:`]] },
  ],
  ["a digest that is too short", "DIGEST_MALFORMED", { header: [["Repr-Digest", "md5=:AAAA:"]] }],
  ["an invalid digest", "DIGEST_MALFORMED", { trailer: [["Md5", "what"]] }],
  [
    "an invalid Size",
    "DIGEST_MALFORMED",
    {
      trailer: [
        ["Md5", hash("md5", "hex")],
        ["Size", "-7"],
      ],
    },
  ],
  [
    "Md5 twice, and different",
    "DIGEST_MALFORMED",
    {
      trailer: [
        ["Md5", hash("md5", "hex")],
        ["Md5", hash("md5", "hex", "x")],
      ],
    },
  ],
  ["an announced Md5 that never came", "DIGEST_MISSING", { announced: "Md5" }],
  [
    "an announced Md5 that never came, beside a right header",
    "DIGEST_MISSING",
    { header: [["Repr-Digest", `md5=:${md5}:`]], announced: "Md5" },
  ],
  [
    "one of the announced trailers lacking",
    "DIGEST_MISSING",
    { trailer: [["Md5", hash("md5", "hex")]], announced: "Md5, Size" },
  ],
];

const dispatchers: readonly [name: string, make: () => Dispatcher][] = [
  ["a TrailerAgent", () => new TrailerAgent()],
  ["undici's Agent", () => new Agent()],
];

describe.each(dispatchers)("through %s, a download with", (_name, make) => {
  const through = (): { dispatcher: Dispatcher } => {
    const dispatcher = make();
    onTestFinished(() => dispatcher.destroy());
    return { dispatcher };
  };

  test.each(good)("%s is %s, and kept", async (_what, verdict, message) => {
    const { result, files } = await outcome(message, through());
    expect((await result).verdict.name).toBe(verdict);
    const { computed } = (await result).verdict;
    expect(computed.values.size).toBeGreaterThan(0);
    for (const algorithm of ["md5", "sha-256", "sha-512"] as const) {
      const right = Buffer.from(hash(algorithm.replace("-", ""), "hex"), "hex");
      expect([undefined, right]).toContainEqual(computed.values.get(algorithm));
    }
    expect(await files()).toEqual([`file: ${content}`]);
  });

  test.each(bad)("%s is refused with %s, and nothing is kept", async (_what, code, message) => {
    const { result, files } = await outcome(message, through());
    expect((await rejection(result)).code).toBe(code);
    expect(await files()).toEqual([]);
  });

  test.each(good.filter(([, verdict]) => verdict === "unverified"))(
    "%s is refused where only what is verified will do",
    async (_what, _verdict, message) => {
      const { result, files } = await outcome(message, { ...through(), allowUnverified: false });
      expect((await rejection(result)).code).toMatch(/^DIGEST_UN/);
      expect(await files()).toEqual([]);
    },
  );
});

test("the result of a download states the URL, what was checked, and all fields", async () => {
  const url = await serve({
    header: [["ETag", '"x"']],
    trailer: [
      ["Md5", hash("md5", "hex")],
      ["X-More", "yes"],
    ],
  });
  const result = await download(`${url}/a?b`, join(await tempDir(), "file"), { algorithms: ["crc32c"] });
  expect(result).toMatchObject({
    url: `${url}/a?b`,
    status: 200,
    verdict: { checked: [{ field: "Md5", section: "trailer" }] },
  });
  expect(result.headers.get("etag")).toBe('"x"');
  expect(result.trailers.get("x-more")).toBe("yes");
  expect(result.verdict.computed.values.has("crc32c")).toBe(true);
});

test.each<[string, Message, readonly string[]]>([
  ["its sha-256 alone", { header: [["Repr-Digest", `sha-256=:${hash("sha256", "base64")}:`]] }, ["sha-256"]],
  [
    "its sha-256 alone, where the trailers have the same",
    {
      header: [["Repr-Digest", `sha-256=:${hash("sha256", "base64")}:`]],
      trailer: [["Content-Digest", `sha-256=:${hash("sha256", "base64")}:`]],
    },
    ["sha-256"],
  ],
  ["md5 alone, where Md5 is announced", { trailer: [["Md5", hash("md5", "hex")]] }, ["md5"]],
  ["sha-256, where there is nothing to check", {}, ["sha-256"]],
])("a download computes %s", async (_what, message, algorithms) => {
  const { verdict } = await download(await serve(message), join(await tempDir(), "file"));
  expect([...verdict.computed.values.keys()]).toEqual(algorithms);
});

test("a download without md5 neither asks for it nor is verified by it", async () => {
  const { result, files } = await outcome({ header: [["Md5", hash("md5", "hex", "other")]] }, { md5: false });
  const { verdict } = await result;
  expect(verdict).toMatchObject({ name: "unverified", algorithms: [], unsupported: [{ algorithm: "md5" }] });
  expect([...verdict.computed.values.keys()]).toEqual(["sha-256"]);
  expect(await files()).toEqual([`file: ${content}`]);
});

test("a download asks for trailers and digests, and carries the caller's fields in place of its own", async () => {
  const asked: Record<string, unknown>[] = [];
  const server = await httpServer((request, response) => {
    asked.push(request.headers);
    response.end(content);
  });
  const path = join(await tempDir(), "file");
  await download(server.origin, path, { algorithms: ["sha-512"] });
  await download(server.origin, path, { headers: { te: "x;q=0.5", "want-repr-digest": "sha=1", "X-Own": "1" } });
  expect(asked[0]).toMatchObject({
    te: "trailers",
    "want-repr-digest": "sha-512=10, sha-256=9, crc64nvme=4, crc32c=3, crc32=2, md5=1, sha=1",
    "want-content-digest": "sha-512=10, sha-256=9, crc64nvme=4, crc32c=3, crc32=2, md5=1, sha=1",
  });
  expect(asked[1]).toMatchObject({ te: "x;q=0.5", "want-repr-digest": "sha=1", "x-own": "1" });
});
