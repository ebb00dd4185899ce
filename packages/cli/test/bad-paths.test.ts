import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { parseMessage, rawClient, tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { content, fileOf, md5 } from "./support/content.ts";
import { filesBelow, serve } from "./support/serving.ts";

const trailsum = commandProcess();

/** Request targets that name nothing that may be stored or read, the status, and what the problem says. */
const targets: readonly (readonly [target: string, status: number, says: string])[] = [
  ["/../escape", 403, 'the path has a "." or ".." segment: write the path that is meant'],
  ["/a/../../escape", 403, 'the path has a "." or ".." segment: write the path that is meant'],
  ["/%2e%2e/escape", 403, 'the path has a "." or ".." segment: write the path that is meant'],
  ["/.%2E/escape", 403, 'the path has a "." or ".." segment: write the path that is meant'],
  ["/a%2F..%2Fescape", 403, "the path has an encoded slash or backslash: names cannot contain them"],
  ["/..%5Cescape", 403, "the path has an encoded slash or backslash: names cannot contain them"],
  [
    "/..\\escape",
    400,
    "the path has characters that must be percent-encoded: encode everything but letters, digits and -._~",
  ],
  ["/a%00b", 400, "the path has a control character: names cannot contain them"],
  ["/a%0Ab", 400, "the path has a control character: names cannot contain them"],
  ["//escape", 400, "the path has an empty segment: write one slash, not several"],
  ["/%zz", 400, 'a "%" in the path is not followed by two hex digits: write "%25"'],
  ["/%ff", 400, "the path is not UTF-8 once decoded: encode it as UTF-8"],
  [`/${"n".repeat(256)}`, 400, "the path has a segment of more than 255 bytes: shorten it"],
  [`/${"%C3%A9".repeat(128)}`, 400, "the path has a segment of more than 255 bytes: shorten it"],
  [`/${"n/".repeat(2049)}n`, 400, "the path has more than 4096 bytes: shorten it"],
  ["/.trailsum/staging/x", 403, '".trailsum" is kept by the server for itself: use another name'],
  ["/.TRAILSUM/digests/x", 403, '".trailsum" is kept by the server for itself: use another name'],
  ["/folder/", 400, 'a path that ends in "/" is a directory: add the name of the object to store'],
  ["/out/secret", 403, "the path leads out of what is served, by a symbolic link"],
  ["/passwd", 403, "the path leads out of what is served, by a symbolic link"],
  ["/dangling", 403, "a symbolic link that leads nowhere is there"],
  ["/file/x", 409, "a file is stored where the path needs a directory: choose another name"],
  ["/folder", 409, "a directory is stored under this path: choose another name"],
];

/** Those that the server answers to a GET with the same. */
const forReading = targets.filter(([target]) => !["/folder/", "/dangling", "/file/x", "/folder"].includes(target));

test("serve refuses paths that lead elsewhere or nowhere, with a sentence, and touches nothing", async () => {
  const outside = await tempDir();
  await writeFile(join(outside, "secret"), "not served");
  const { port, directory } = await serve();
  await mkdir(join(directory, "folder"));
  await writeFile(join(directory, "file"), content);
  await symlink(outside, join(directory, "out"));
  await symlink("/etc/passwd", join(directory, "passwd"));
  await symlink("nowhere", join(directory, "dangling"));
  const before = await filesBelow(directory);

  const ask = async (request: string): Promise<readonly [number, unknown]> => {
    const client = await rawClient(port);
    await client.write(request);
    const { startLine, body } = parseMessage(await client.readToEnd());
    const { detail } = (body.length > 0 ? JSON.parse(body.toString()) : {}) as { detail?: unknown };
    return [Number(startLine.split(" ")[1]), detail];
  };
  const head = "HTTP/1.1\r\nHost: test\r\nConnection: close\r\n";
  const upload = `Transfer-Encoding: chunked\r\nTrailer: Md5\r\n\r\n2a\r\n${content.toString()}\r\n0\r\nMd5: ${md5(content)}\r\n\r\n`;
  const put: unknown[] = [];
  for (const [target] of targets) put.push([target, ...(await ask(`PUT ${target} ${head}${upload}`))]);
  expect(put).toEqual(targets);
  const got: unknown[] = [];
  for (const [target] of forReading) got.push([target, ...(await ask(`GET ${target} ${head}\r\n`))]);
  expect(got).toEqual(forReading);
  // A directory is listed under its path with a slash. What leads nowhere, or through an object, is not there.
  expect((await ask(`GET /dangling ${head}\r\n`))[0]).toBe(404);
  expect((await ask(`GET /folder ${head}\r\n`))[0]).toBe(307);
  expect((await ask(`GET /file/x ${head}\r\n`))[0]).toBe(404);

  expect(await filesBelow(directory)).toEqual(before);
  expect(await filesBelow(outside)).toEqual(["secret"]);
});

test("the command hands the server's sentence on, and ends with 4", async () => {
  const { url, directory, visible } = await serve();
  await mkdir(join(directory, "folder"));
  const file = await fileOf();
  for (const [path, says] of [
    ["a%00b", "400 Bad Request: the path has a control character: names cannot contain them"],
    ["a%2f..%2fb", "403 Forbidden: the path has an encoded slash or backslash: names cannot contain them"],
    ["folder", "409 Conflict: a directory is stored under this path: choose another name"],
    ["n".repeat(300), "400 Bad Request: the path has a segment of more than 255 bytes: shorten it"],
  ] as const) {
    const { exitCode, stdout, stderr } = await trailsum(["upload", file, `${url}/${path}`]);
    expect([exitCode, stdout, stderr]).toEqual([4, "", `trailsum: ${url}/${path}: the server answered ${says}\n`]);
  }
  expect(await visible()).toEqual([]);
});

test("a URL's own dots are resolved before it is sent, as URLs are everywhere, and stay below the server", async () => {
  const { url, visible } = await serve();
  const { exitCode } = await trailsum(["upload", await fileOf(), `${url}/a/../../%2e%2e/b`, "--quiet"]);
  expect(exitCode).toBe(0);
  expect(await visible()).toEqual(["b"]);
});
