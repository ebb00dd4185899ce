import { execFile } from "node:child_process";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { rawServer, tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { base64Of, content, fileOf, md5, patterned, sha256 } from "./support/content.ts";
import { inLanes } from "./support/lanes.ts";
import { filesBelow, serve } from "./support/serving.ts";

const trailsum = commandProcess();

const run = promisify(execFile);

interface Row {
  readonly name: string;
  /** Field lines of the header. */
  readonly header?: readonly string[];
  /** Field lines of the trailer section; without it the content has a length. */
  readonly trailer?: readonly string[];
  /** Further arguments of the command. */
  readonly args?: readonly string[];
  readonly exit: number;
  /** What stands on stderr. */
  readonly says: RegExp;
}

const other = Buffer.from("something else");
const right = `Md5: ${md5(content)}`;
const wrong = `Md5: ${md5(other)}`;
const warning = /sent no digest: kept unverified \(--require verified rejects this\)/;
const mismatched = /the content is not what was sent/;

const rows: readonly Row[] = [
  { name: "verified by trailers", header: ["Trailer: Md5"], trailer: [right], exit: 0, says: /^$/ },
  { name: "verified by trailers that were not announced", trailer: [right, "Size: 42"], exit: 0, says: /^$/ },
  { name: "verified by Repr-Digest", header: [`Repr-Digest: md5=:${base64Of("md5", content)}:`], exit: 0, says: /^$/ },
  {
    name: "verified by Content-Digest, and required",
    header: [`Content-Digest: sha-256=:${base64Of("sha256", content)}:`],
    args: ["--require", "verified"],
    exit: 0,
    says: /^$/,
  },
  { name: "verified by Content-MD5", header: [`Content-MD5: ${base64Of("md5", content)}`], exit: 0, says: /^$/ },
  { name: "mismatched in the trailer", header: ["Trailer: Md5"], trailer: [wrong], exit: 6, says: mismatched },
  { name: "mismatched in its size", trailer: [right, "Size: 41"], exit: 6, says: /is not what was sent: .* Size$/m },
  {
    name: "mismatched in Repr-Digest",
    header: [`Repr-Digest: md5=:${base64Of("md5", other)}:`],
    exit: 6,
    says: mismatched,
  },
  { name: "mismatched in Content-MD5", header: [`Content-MD5: ${base64Of("md5", other)}`], exit: 6, says: mismatched },
  {
    name: "mismatched in the header, right in the trailer",
    header: [`Repr-Digest: md5=:${base64Of("md5", other)}:`],
    trailer: [right],
    exit: 6,
    says: mismatched,
  },
  { name: "malformed", trailer: ["Md5: none"], exit: 6, says: /Md5 in the trailer: / },
  { name: "malformed: twice and different", trailer: [right, wrong], exit: 6, says: /Md5 in the trailer: / },
  { name: "missing", header: ["Trailer: Md5, Size"], trailer: [], exit: 7, says: /Md5, Size did not arrive/ },
  { name: "missing in part", header: ["Trailer: Md5, Size"], trailer: [right], exit: 7, says: /Size did not arrive/ },
  { name: "unverified", trailer: [], exit: 0, says: warning },
  { name: "unverified, with a length alone", exit: 0, says: warning },
  {
    name: "unverified, and required",
    args: ["--require", "verified"],
    exit: 7,
    says: /^trailsum: no digest was sent to verify the content/,
  },
  {
    name: "verified by md5, where --digest names sha-256 and it is required",
    trailer: [right],
    args: ["--require", "verified", "--digest", "sha-256"],
    exit: 7,
    says: /a sha-256 or sha-512 digest is required$/m,
  },
  {
    name: "verified by sha-512, where --digest names sha-256 and it is required",
    trailer: [right, `Content-Digest: sha-512=:${base64Of("sha512", content)}:`],
    args: ["--require", "verified", "--digest", "sha-256"],
    exit: 0,
    says: /^$/,
  },
  {
    name: "verified by md5, where --digest names it and it is required",
    trailer: [right],
    args: ["--require", "verified", "--digest", "md5,sha-256"],
    exit: 0,
    says: /^$/,
  },
  {
    name: "verified by md5, and sha-256 is required",
    header: [`Repr-Digest: md5=:${base64Of("md5", content)}:`],
    args: ["--require", "sha-256"],
    exit: 7,
    says: /a sha-256 or sha-512 digest is required$/m,
  },
  {
    name: "verified by sha-256, and that and a size are required",
    header: [`Repr-Digest: sha-256=:${base64Of("sha256", content)}:`],
    trailer: ["Size: 42"],
    args: ["--require", "SHA-256, size"],
    exit: 0,
    says: /^$/,
  },
  {
    name: "unverified by what no one here can check, and required",
    header: [`Repr-Digest: sha-384=:${base64Of("sha384", content)}:`],
    args: ["--require", "verified"],
    exit: 7,
    says: /sha-384 cannot be checked here/,
  },
];

test("each verdict on a download has its exit status and its sentence, and only what may be kept is kept", async () => {
  const server = await rawServer(async (connection) => {
    const head = (await connection.readHead()).toString();
    const row = rows[Number(/^GET \/(\d+) /.exec(head)?.[1])]!;
    await connection.write(response(row));
  });
  const directory = await tempDir();
  const results = await inLanes(
    [...rows.keys()],
    async () => {},
    (index) => trailsum(["download", `${server.origin}/${index}`, ...(rows[index]!.args ?? [])], { cwd: directory }),
  );
  const exits = rows.map(({ name }, index) => [name, results[index]!.exitCode]);
  expect(exits).toEqual(rows.map(({ name, exit }) => [name, exit]));
  const kept = [...rows.keys()].filter((index) => rows[index]!.exit === 0).map(String);
  expect(await filesBelow(directory)).toEqual(kept.toSorted());
  for (const [index, { says, exit }] of rows.entries()) {
    expect(results[index]!.stderr).toMatch(says);
    // The line has md5 where that was checked or asked for, and sha-256 otherwise.
    const line = new RegExp(`^(?:${md5(content)}|${sha256(content)})  ${index}\\n$`);
    expect(results[index]!.stdout).toMatch(exit === 0 ? line : /^$/);
  }
});

test("a file that rotted on the server's disk never arrives as a whole one", async () => {
  const { url, directory } = await serve();
  const bytes = patterned(300_000);
  await trailsum(["upload", await fileOf(bytes), `${url}/it`]);
  // One byte changes, and neither its size nor its modification time shows it.
  const stored = join(directory, "it");
  const times = join(await tempDir(), "times");
  await copyFile(stored, times);
  await run("touch", ["-r", stored, times]);
  const rotten = await readFile(stored);
  rotten[150_000]! ^= 1;
  await writeFile(stored, rotten);
  await run("touch", ["-r", times, stored]);

  const place = await tempDir();
  const { exitCode, stdout } = await trailsum(["download", `${url}/it`], { cwd: place });
  expect([exitCode, stdout]).toEqual([6, ""]);
  expect(await filesBelow(place)).toEqual([]);
});

function response({ header = [], trailer }: Row): string {
  const framing = trailer === undefined ? `Content-Length: ${content.length}` : "Transfer-Encoding: chunked";
  const head = ["HTTP/1.1 200 OK", framing, ...header, "", ""].join("\r\n");
  const body = content.toString();
  if (trailer === undefined) return head + body;
  return `${head}${body.length.toString(16)}\r\n${body}\r\n${["0", ...trailer, "", ""].join("\r\n")}`;
}
