import { createHash } from "node:crypto";

import { errorTable, type ErrorCode } from "@trailsum/shared";
import { rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { upload, type UploadResult } from "../../src/index.ts";
import { receiver, rejection, wholeRequest, wireResponse } from "./peers.ts";

const content = "content";
const digest = (algorithm: "md5" | "sha256", of = content): string => createHash(algorithm).update(of).digest("base64");

/** What an upload comes to that is answered with this. */
async function answered(headers: Record<string, string | string[]>): Promise<UploadResult> {
  const server = await receiver((response) => response.writeHead(201, headers).end());
  return upload(server.origin, [content], { algorithms: ["sha-256"] });
}

describe("an accepted upload is confirmed by", () => {
  const md5 = digest("md5");
  const answers: readonly [answer: string, by: "server" | "none", headers: Record<string, string | string[]>][] = [
    ["the right Repr-Digest", "server", { "Repr-Digest": `md5=:${md5}:` }],
    ["another algorithm's right one", "server", { "Repr-Digest": `sha-256=:${digest("sha256")}:` }],
    ["a right one beside one that was not computed", "server", { "Repr-Digest": `md5=:${md5}:, crc32=:AAAAAA==:` }],
    ["no digest", "none", {}],
    ["one that was not computed", "none", { "Repr-Digest": "crc32=:AAAAAA==:" }],
    ["one that is unknown", "none", { "Repr-Digest": "md6=:AAAA:" }],
    ["one that cannot be read", "none", { "Repr-Digest": "md5=what" }],
    [
      "a right one and another of the same name",
      "none",
      { "Repr-Digest": [`md5=:${md5}:`, `md5=:${digest("md5", "x")}:`] },
    ],
    ["a Content-Digest, which is that of the answer", "none", { "Content-Digest": `md5=:${digest("md5", "x")}:` }],
  ];
  test.each(answers)("%s: %s", async (_answer, by, headers) => {
    expect(await answered(headers)).toMatchObject({ confirmedBy: by, status: 201 });
  });
});

describe("a receipt", () => {
  const receipt = {
    path: "a/b c.txt",
    size: content.length,
    digests: { md5: createHash("md5").update(content).digest("hex") },
    verdict: "verified",
    verifiedBy: ["Md5"],
  };
  /** What an upload to `/files/a/b%20c.txt` comes to that is answered with this document. */
  const receipted = async (document: unknown, headers: Record<string, string> = {}): Promise<UploadResult> => {
    const server = await receiver((response) => {
      const fields = { "Content-Type": "application/json", "Repr-Digest": `md5=:${digest("md5", "it")}:`, ...headers };
      response.writeHead(201, fields).end(JSON.stringify(document));
    });
    return upload(`${server.origin}/files/a/b%20c.txt?x`, [content]);
  };

  test.each([
    ["of the whole path", "files/a/b c.txt"],
    ["of the path below a mount point", "a/b c.txt"],
    ["of the path with the base path of a proxy", "base/files/a/b c.txt"],
  ])("%s confirms the upload", async (_which, path) => {
    expect(await receipted({ ...receipt, path })).toMatchObject({ confirmedBy: "server", receipt: { path } });
  });

  test.each(["files/a/b c.txu", "files/A/b c.txt", "b c.txt/", "c.txt", "xfiles/a/b c.txt", "", "files/a/b%20c.txt"])(
    "of another path, %j, is an error",
    async (path) => {
      const error = await rejection(receipted({ ...receipt, path }));
      expect(error).toMatchObject({ code: "PROTOCOL", message: expect.stringContaining("stored under another path") });
    },
  );

  test("of another size is an error", async () => {
    expect((await rejection(receipted({ ...receipt, size: 1 }))).code).toBe("SIZE_MISMATCHED");
  });

  test("of another digest is an error", async () => {
    const digests = { md5: "0".repeat(32) };
    expect((await rejection(receipted({ ...receipt, digests }))).code).toBe("DIGEST_MISMATCHED");
  });

  test("of digests that were not computed here confirms nothing", async () => {
    const digests = { "sha-512": "00", toString: "x" };
    expect(await receipted({ ...receipt, digests })).toMatchObject({ confirmedBy: "none" });
  });
});

describe("Repr-Digest of an answer with content of its own", () => {
  const document = '{"status":"created"}\n';
  const created = async (reprDigest: string, body = document): Promise<UploadResult> => {
    const server = await receiver((response) =>
      response.writeHead(201, { "Content-Type": "application/json", "Repr-Digest": reprDigest }).end(body),
    );
    return upload(server.origin, [content]);
  };

  test("is about that content, as in RFC 9530 appendix B.8, and contradicts nothing", async () => {
    const result = await created(`md5=:${digest("md5", document)}:`);
    expect(result).toMatchObject({ confirmedBy: "none", receipt: undefined, status: 201 });
  });

  test("confirms the upload if it is the right one of the upload", async () => {
    expect(await created(`md5=:${digest("md5")}:`)).toMatchObject({ confirmedBy: "server" });
  });

  test.each(["null", "[]", "5", "{", '{"path":1}', '{"path":"a","size":1,"digests":null}'])(
    "%s is not a receipt",
    async (body) => {
      expect(await created(`md5=:${digest("md5", body)}:`, body)).toMatchObject({ receipt: undefined });
    },
  );
});

test("Repr-Digest of a 204 is about what was stored, as in RFC 9530 appendix B.7", async () => {
  const noContent = async (of: string): Promise<UploadResult> => {
    const server = await receiver((response) =>
      response.writeHead(204, { "Repr-Digest": `md5=:${digest("md5", of)}:` }).end(),
    );
    return upload(server.origin, [content]);
  };
  expect(await noContent(content)).toMatchObject({ confirmedBy: "server", status: 204 });
  expect((await rejection(noContent("other"))).code).toBe("DIGEST_MISMATCHED");
});

test.each([
  ["one", { "Repr-Digest": `md5=:${digest("md5", "other")}:` }],
  ["one among right ones", { "Repr-Digest": `sha-256=:${digest("sha256")}:, md5=:${digest("md5", "other")}:` }],
])("a server that answers with another digest, %s, has stored something else", async (_which, headers) => {
  const error = await rejection(answered(headers));
  expect(error).toMatchObject({ code: "DIGEST_MISMATCHED", message: expect.stringContaining("its md5 differs") });
});

/** The error of an upload that is answered with this, over a raw connection that is closed after it. */
async function refused(
  status: string,
  fields: [string, string][],
  body: string,
): Promise<ReturnType<typeof rejection>> {
  const server = await rawServer(async (connection) => {
    await wholeRequest(connection);
    connection.end(wireResponse(status, [["Connection", "close"], ...fields], body));
  });
  return rejection(upload(`${server.origin}/a`, [content]));
}

const problem = (document: unknown): [string, [string, string][], string] => [
  "400 Bad Request",
  [["Content-Type", "application/problem+json; charset=utf-8"]],
  JSON.stringify(document),
];

describe("a problem document keeps its code when it is about integrity:", () => {
  const types = Object.entries(errorTable).flatMap(([code, { type }]): [ErrorCode, string][] =>
    type === undefined || type === "about:blank" ? [] : [[code as ErrorCode, type]],
  );
  test.each(types)("%s", async (code, type) => {
    const error = await refused(...problem({ type, title: "Title", detail: "what is wrong" }));
    const isAboutIntegrity = /^DIGEST_|^SIZE_MISMATCHED$|^STORED_BYTES_DIFFER$|^SIGNATURE_INVALID$/.test(code);
    const expected = isAboutIntegrity ? code : "REFUSED";
    expect(error).toMatchObject({ code: expected, status: 400, message: expect.stringMatching(/: what is wrong$/) });
  });

  test("an unknown problem type is a refusal", async () => {
    const error = await refused(...problem({ type: "https://example.org/full", title: "Full up" }));
    expect(error).toMatchObject({ code: "REFUSED", message: expect.stringMatching(/400 Bad Request: Full up$/) });
  });

  test.each([
    ["no type", {}],
    ["a type that is not text", { type: 5, detail: 6, title: null }],
    ["a list", ["a"]],
    ["null", null],
    ["a key that means something to JavaScript", { ["__proto__"]: { detail: "x" } }],
  ])("one with %s is a refusal without a reason", async (_fault, document) => {
    const error = await refused(...problem(document));
    expect(error).toMatchObject({ code: "REFUSED", message: expect.stringMatching(/400 Bad Request$/) });
  });
});

describe("a refusal is reported with its status", () => {
  const fields: [string, string][] = [["Content-Type", "application/problem+json"]];
  const type = errorTable.DIGEST_MISMATCHED.type;
  test.each([
    ["a problem document that is no JSON", "403 Forbidden", fields, "{nonsense", 403],
    [
      "one that is cut",
      "400 Bad Request",
      [...fields, ["Content-Length", "500"]],
      `{"type":"${type}","detail":"a`,
      400,
    ],
    [
      "one that is too large",
      "507 Insufficient Storage",
      fields,
      JSON.stringify({ type, detail: "x".repeat(70_000) }),
      507,
    ],
    ["a page", "404 Not Found", [["Content-Type", "text/html"]], "<h1>gone</h1>", 404],
    ["nothing", "401 Unauthorized", [["Content-Length", "0"]], "", 401],
    ["a status without a name", "599 ", [], "", 599],
    ["a redirect that asks for another method, and says not where", "303 See Other", [], "", 303],
  ] as [string, string, [string, string][], string, number][])("%s", async (_what, status, given, body, expected) => {
    const error = await refused(status, given, body);
    expect(error).toMatchObject({ code: "REFUSED", status: expected });
    expect(error.message).toMatch(new RegExp(`^http://127.0.0.1:\\d+/a: the server answered ${status.trim()}$`));
  });

  test("and nothing in it steers a terminal", async () => {
    const detail = "red \u001b[31m, back \b\b\u009b2J, turned \u202e, next\r\nline\0" + "x".repeat(1_000);
    const error = await refused(...problem({ detail }));
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(error.message).toContain("red  [31m");
    expect(error.message.length).toBeLessThan(600);
  });
});

test.each([
  ["is cut", "HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nhalf"],
  ["stops within its head", "HTTP/1.1 201 Crea"],
  ["never comes", ""],
])("an upload whose answer %s is lost, and not taken for accepted", async (_how, wire) => {
  const server = await rawServer(async (connection) => {
    await wholeRequest(connection);
    connection.end(wire);
  });
  expect((await rejection(upload(server.origin, [content]))).code).toBe("CONNECTION_LOST");
});

test.each([400, 404, 500])("no value of the URL's query is in the message of a %i", async (status) => {
  const server = await receiver((response) => response.writeHead(status).end());
  const { message } = await rejection(upload(`${server.origin}/a?sig=secret&user=me`, [content]));
  expect(message).toContain(`${server.origin}/a?sig=***&user=***: the server answered ${status}`);
});

test("a server that does not speak HTTP is reported as such", async () => {
  const server = await rawServer((connection) => connection.end("SSH-2.0-OpenSSH_9.2\r\n"));
  const error = await rejection(upload(server.origin, [content]));
  expect(error).toMatchObject({ code: "PROTOCOL", message: expect.stringContaining("does not speak HTTP/1.1") });
});
