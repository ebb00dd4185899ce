import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";

import { listen, spawnTrailsum, tempDir } from "@trailsum/testkit";
import { beforeEach, describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { filesBelow, serve } from "./support/serving.ts";

const trailsum = commandProcess();

const run = promisify(execFile);
const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
let cwd: string;

beforeEach(async () => {
  cwd = await tempDir();
});

/** A foreign file server: each path is an object, with a strong tag and ranges. */
async function objects(content: Readonly<Record<string, Buffer>>, before?: RequestListener): Promise<string> {
  const { origin } = await listen(
    createServer((request, response) => {
      before?.(request, response);
      if (response.headersSent) return;
      const whole = content[request.url ?? ""];
      if (whole === undefined) {
        response.writeHead(404).end();
        return;
      }
      const [, start = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
      const end = last === "" ? whole.length : Math.min(Number(last) + 1, whole.length);
      const part = whole.subarray(Number(start), end);
      const isPart = request.headers.range !== undefined;
      response.writeHead(isPart ? 206 : 200, {
        "Content-Length": part.length,
        ETag: `"${sha256(whole).slice(0, 8)}"`,
        ...(isPart && { "Content-Range": `bytes ${start}-${end - 1}/${whole.length}` }),
      });
      response.end(part);
    }),
  );
  return origin;
}

describe("several URLs", () => {
  test("go into a directory, and their sums into a file that sha256sum checks", async () => {
    const origin = await objects({ "/a": Buffer.from("A"), "/dir/b": Buffer.from("B") });
    const args = [
      "download",
      `${origin}/a`,
      `${origin}/dir/b`,
      "-o",
      "new/dir/",
      "--write-sums",
      "SHA256SUMS",
      "--json",
    ];
    const { exitCode, stdout } = await trailsum(args, { cwd });
    expect(exitCode).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(2);
    expect(await readFile(join(cwd, "SHA256SUMS"), "utf8")).toBe(
      `${sha256("A")}  new/dir/a\n${sha256("B")}  new/dir/b\n`,
    );
    expect(await filesBelow(cwd)).toEqual(["SHA256SUMS", "new/dir/a", "new/dir/b"]);
  });

  test("that would become one file are refused, and one that fails does not stop the others", async () => {
    const origin = await objects({ "/a": Buffer.from("A"), "/b": Buffer.from("B") });
    const same = await trailsum(["download", `${origin}/a`, `${origin}/x/a`], { cwd });
    expect([same.exitCode, same.stderr]).toEqual([2, expect.stringContaining("would both be written to a")]);
    const some = await trailsum(["download", `${origin}/a`, `${origin}/absent`, `${origin}/b`], { cwd });
    expect(some.exitCode).toBe(4);
    expect(await filesBelow(cwd)).toEqual(["a", "b"]);
  });
});

describe("a known digest", () => {
  test("of --checksum keeps content out that the server vouches for", async () => {
    const { url } = await serve();
    await writeFile(join(cwd, "it"), "content");
    await trailsum(["upload", "it", `${url}/it`], { cwd });
    const right = await trailsum(
      ["download", `${url}/it`, "-o", "a", "--checksum", `sha256=${sha256("content")}`, "--json"],
      { cwd },
    );
    expect(JSON.parse(right.stdout)).toMatchObject({ verdict: "verified", checksums: ["sha-256"] });
    const wrong = await trailsum(["download", `${url}/it`, "-o", "b", "--checksum", `sha-256=${sha256("other")}`], {
      cwd,
    });
    expect([wrong.exitCode, wrong.stderr]).toEqual([6, expect.stringContaining("checksum that was asked for")]);
    expect(await filesBelow(cwd)).toEqual(["a", "it"]);
  });

  test("of --sums is that of the name in the URL, and a name without one is refused", async () => {
    const origin = await objects({ "/a": Buffer.from("A"), "/b": Buffer.from("changed"), "/c": Buffer.from("C") });
    await writeFile(join(cwd, "SHA256SUMS"), `${sha256("A")} *./a\nSHA256 (b) = ${sha256("B")}\nnonsense\n`);
    const urls = ["a", "b", "c"].map((name) => `${origin}/${name}`);
    const { exitCode, stderr } = await trailsum(["download", ...urls, "--sums", "SHA256SUMS", "--jobs", "1"], { cwd });
    expect(exitCode).toBe(6);
    expect(stderr).toContain("SHA256SUMS: malformed lines: 1");
    expect(stderr).toContain("SHA256SUMS has no digest of c");
    expect(await filesBelow(cwd)).toEqual(["SHA256SUMS", "a"]);
  });
});

describe("--continue", () => {
  test.each(["SIGINT", "SIGKILL"] as const)("continues where a run was ended by %s", async (signal) => {
    const content = randomBytes(2_000_000);
    const asked: (string | undefined)[] = [];
    const origin = await objects({ "/it": content }, (request, response) => {
      if (asked.push(request.headers.range) > 1) return;
      response.writeHead(200, { "Content-Length": content.length, ETag: `"${sha256(content).slice(0, 8)}"` });
      response.write(content.subarray(0, 1_000_000));
    });
    const args = ["download", `${origin}/it`, "-C", "--checksum", `sha-256=${sha256(content)}`];
    const first = spawnTrailsum(args, { cwd });
    const part = join(cwd, ".it.trailsum-partial");
    // Content is written in blocks: the last piece may not have been.
    await expect.poll(async () => (await readFile(part).catch(() => "")).length).toBeGreaterThan(900_000);
    first.child.kill(signal);
    await first.exited;
    const { exitCode, stderr } = await trailsum(args, { cwd });
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(asked).toEqual([undefined, expect.stringMatching(/^bytes=(?:9\d{5}|1000000)-$/)]);
    expect((await readFile(join(cwd, "it"))).equals(content)).toBe(true);
    expect(await filesBelow(cwd)).toEqual(["it"]);
  });
});

test("--limit-rate is shared by all jobs, and --jobs fetches ranges of a single URL", async () => {
  const content = randomBytes(17_000_000);
  const ranges: (string | undefined)[] = [];
  const origin = await objects(
    { "/it": content, "/a": content.subarray(0, 20_000), "/b": content.subarray(0, 20_000) },
    ({ headers }) => {
      if (headers.range !== undefined) ranges.push(headers.range);
    },
  );
  await trailsum(["download", `${origin}/it`, "--jobs", "2", "--quiet"], { cwd });
  expect((await readFile(join(cwd, "it"))).equals(content)).toBe(true);
  expect(ranges).toEqual(["bytes=0-16777215", "bytes=16777216-16999999"]);
  const began = performance.now();
  await trailsum(["download", `${origin}/a`, `${origin}/b`, "--limit-rate", "40k"], { cwd });
  expect(performance.now() - began).toBeGreaterThan(850);
});

test("--skip-unchanged downloads only what differs from what the server has", async () => {
  const { url } = await serve();
  await writeFile(join(cwd, "it"), "content");
  await trailsum(["upload", "it", `${url}/it`], { cwd });
  const args = ["download", `${url}/it`, "--skip-unchanged", "--json"];
  const same = await trailsum(args, { cwd });
  expect(JSON.parse(same.stdout)).toMatchObject({ unchanged: true, verdict: "verified", size: 7 });
  await writeFile(join(cwd, "it"), "CONTENT");
  const other = await trailsum(args, { cwd });
  expect(JSON.parse(other.stdout)).not.toHaveProperty("unchanged");
  expect(await readFile(join(cwd, "it"), "utf8")).toBe("content");
});

describe("--recursive", () => {
  test("downloads everything below a directory, whatever the names", async () => {
    const { url, directory } = await serve();
    const names = ["a", "sub/b c", "sub/deep/ä#?%25", "sub/'it' & <b>"];
    for (const name of names) {
      await mkdir(join(directory, "tree", name, ".."), { recursive: true });
      await writeFile(join(directory, "tree", name), name);
    }
    await writeFile(join(directory, "outside"), "outside");
    const { exitCode, stderr } = await trailsum(["download", "-r", `${url}/tree/`, "--write-sums", "SUMS"], { cwd });
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(await filesBelow(cwd)).toEqual(["SUMS", ...names.map((name) => `tree/${name}`)].toSorted());
    for (const name of names) expect(await readFile(join(cwd, "tree", name), "utf8")).toBe(name);
    await run("sha256sum", ["--check", "--strict", "SUMS"], { cwd });
    const again = await trailsum(["download", "-r", `${url}/tree/`, "--skip-unchanged", "--json"], { cwd });
    expect(again.stdout.match(/"unchanged":true/g)).toHaveLength(4);
  });

  const listing = (entries: readonly object[]): Buffer => Buffer.from(JSON.stringify({ path: "", entries }));
  const hostile = (content: Record<string, Buffer>): Promise<string> =>
    objects({ "/d/x": Buffer.from("X"), ...content }, ({ url = "" }, response) => {
      if (url.endsWith("/") && content[url] !== undefined)
        response.writeHead(200, { "Content-Type": "application/json" }).end(content[url]);
    });

  test("refuses names of a server that are paths", async () => {
    const origin = await hostile({ "/d/": listing([{ name: "../x", kind: "object" }]) });
    const { exitCode, stderr } = await trailsum(["download", "-r", `${origin}/d/`, "-o", "out"], { cwd });
    expect([exitCode, stderr]).toEqual([3, expect.stringContaining("cannot be the name of a file")]);
    expect(await filesBelow(cwd)).toEqual([]);
  });

  test("follows no link out of the directory, and ends with a server that lists without end", async () => {
    const outside = await tempDir();
    await mkdir(join(cwd, "out"));
    await symlink(outside, join(cwd, "out", "link"));
    await symlink(join(outside, "file"), join(cwd, "out", "x"));
    const origin = await hostile({
      "/d/": listing([
        { name: "link", kind: "directory" },
        { name: "x", kind: "object" },
      ]),
      "/d/link/": listing([{ name: "x", kind: "object" }]),
      "/d/link/x": Buffer.from("X"),
    });
    const { exitCode, stderr } = await trailsum(["download", "-r", `${origin}/d/`, "-o", "out"], { cwd });
    expect([exitCode, stderr.match(/may lead out of out/g)]).toEqual([5, expect.objectContaining({ length: 2 })]);
    expect(await readdir(outside)).toEqual([]);

    const endless = await objects({}, (_request, response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(listing([{ name: "deeper", kind: "directory" }]));
    });
    const deep = await trailsum(["download", "-r", `${endless}/d/`, "-o", "out"], { cwd });
    expect([deep.exitCode, deep.stderr]).toEqual([3, expect.stringContaining("lists more than can be downloaded")]);
  });
});
