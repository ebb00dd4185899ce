import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { certificate, rawServer, startTrailsum, tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { sendWithNode } from "./support/node-peers.ts";
import { content, fileOf, md5 } from "./support/content.ts";
import { serve } from "./support/serving.ts";
import { trailerCases } from "./support/trailer-case.ts";

const trailsum = commandProcess();

/** A server that accepts every upload, and the heads of what it was sent. */
async function acceptingServer(): Promise<{ origin: string; heads: string[] }> {
  const heads: string[] = [];
  const { origin } = await rawServer(async (connection) => {
    heads.push((await connection.readHead()).toString());
    await connection.readUntil("\r\n0\r\n");
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  return { origin, heads };
}

test("the flags of upload can come from the environment", async () => {
  const { origin, heads } = await acceptingServer();
  const file = await fileOf();
  const env = {
    TRAILSUM_METHOD: "POST",
    TRAILSUM_DIGEST: "sha-256",
    TRAILSUM_HEADER: "X-From: the environment",
    TRAILSUM_JOBS: "2",
    TRAILSUM_RETRY: "0",
    TRAILSUM_JSON: "1",
  };
  const { exitCode, stdout, stderr } = await trailsum(["upload", file, `${origin}/it`], { env });
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout)).toMatchObject({ file, digests: { md5: md5(content), "sha-256": expect.any(String) } });
  expect(heads[0]).toMatch(/^POST \/it HTTP\/1\.1\r\n/);
  expect(heads[0]).toMatch(/^X-From: the environment\r$/m);
  const quiet = await trailsum(["upload", file, `${origin}/it`], { env: { TRAILSUM_QUIET: "true" } });
  expect([quiet.exitCode, quiet.stdout]).toEqual([0, ""]);
  for (const [name, says] of [
    ["TRAILSUM_JOBS", "--jobs takes a number from 1 to 1000"],
    ["TRAILSUM_RETRY", "--retry takes a number, 0 or more"],
  ] as const) {
    const wrong = await trailsum(["upload", file, `${origin}/it`], { env: { [name]: "many" } });
    expect([wrong.exitCode, wrong.stderr]).toEqual([2, `trailsum: ${says}\n`]);
  }
});

test("the flags of download can come from the environment", async () => {
  const bare = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbare");
  });
  const env = { TRAILSUM_OUTPUT: "-", TRAILSUM_QUIET: "no" };
  const kept = await trailsum(["download", `${bare.origin}/it`], { env });
  expect([kept.exitCode, kept.stdout]).toEqual([0, "bare"]);
  const refused = await trailsum(["download", `${bare.origin}/it`], { env: { ...env, TRAILSUM_REQUIRE: "verified" } });
  expect([refused.exitCode, refused.stdout]).toEqual([7, "bare"]);
});

test("the flags of serve can come from the environment", async () => {
  const { certFile, keyFile } = await (await certificate()).files();
  const env = { TRAILSUM_PORT: "0", TRAILSUM_HOST: "localhost", TRAILSUM_QUIET: "1" };
  const tls = { TRAILSUM_TLS_CERT: certFile, TRAILSUM_TLS_KEY: keyFile };
  const { url } = await startTrailsum(["serve", await tempDir()], { env: { ...env, ...tls } });
  expect(url).toMatch(/^https:\/\/localhost:\d+$/);

  const policy = { TRAILSUM_ALLOW_UNVERIFIED: "yes", TRAILSUM_REQUIRE: "size", TRAILSUM_MAX_SIZE: "50" };
  const plain = await startTrailsum(["serve", await tempDir()], { env: { ...env, ...policy } });
  const sized = { md5: "absent", size: "right", announced: false } as const;
  expect(await sendWithNode(`${plain.url}/sized`, sized)).toMatchObject({ status: 201 });
  expect(await sendWithNode(`${plain.url}/bare`, trailerCases["no trailers at all"])).toMatchObject({ status: 400 });
  const { exitCode } = await trailsum(["upload", await fileOf("x".repeat(51)), `${plain.url}/large`]);
  expect(exitCode).toBe(4);
  expect(plain.stderr()).not.toContain("stored");
});

test("what is typed goes before the environment, and that before the file that --config names", async () => {
  const { origin, heads } = await acceptingServer();
  const file = await fileOf();
  const directory = await tempDir();
  const settings = join(directory, "settings.json");
  // Flags of other commands may stand there, too.
  await writeFile(
    settings,
    JSON.stringify({ method: "POST", digest: "sha-512", json: true, port: 1, "max-size": "1" }),
  );
  const algorithms = async (args: readonly string[], env: Record<string, string>): Promise<unknown> => {
    const { stdout } = await trailsum(["upload", file, `${origin}/it`, ...args], { env, cwd: directory });
    const { digests } = JSON.parse(stdout) as { digests: object };
    return [heads.at(-1)?.split(" ")[0], ...Object.keys(digests)];
  };
  expect(await algorithms(["--config", settings], {})).toEqual(["POST", "sha-512", "md5"]);
  expect(await algorithms([], { TRAILSUM_CONFIG: "settings.json" })).toEqual(["POST", "sha-512", "md5"]);
  const env = { TRAILSUM_CONFIG: settings, TRAILSUM_DIGEST: "sha-256" };
  expect(await algorithms([], env)).toEqual(["POST", "sha-256", "md5"]);
  expect(await algorithms(["--digest", "sha", "-X", "PUT"], env)).toEqual(["PUT", "sha", "md5"]);
  expect(await algorithms(["--no-md5"], env)).toEqual(["POST", "sha-256"]);
});

test("a file without settings is reported as such", async () => {
  const cwd = await tempDir();
  const files = { "broken.json": "{", "list.json": "[]" };
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
  for (const name of ["absent.json", ...Object.keys(files)]) {
    const { exitCode, stderr } = await trailsum(["serve", ".", "--config", name], { cwd });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^trailsum: cannot use the settings in \S+\.json: [^\n]+; run 'trailsum serve --help' for usage\n$/,
    );
  }
});

test("variables for other commands do no harm", async () => {
  const env = { TRAILSUM_PORT: "none", TRAILSUM_MAX_SIZE: "none", TRAILSUM_TLS_CERT: "none", TRAILSUM: "anything" };
  const { url } = await serve([], {
    env: { TRAILSUM_DIGEST: "none", TRAILSUM_METHOD: "none", TRAILSUM_RETRY: "none" },
  });
  const { exitCode, stderr } = await trailsum(["upload", await fileOf(), `${url}/it`], { env });
  expect([exitCode, stderr]).toEqual([0, ""]);
});

test.each([
  ["TRAILSUM_REQUIER", ": did you mean TRAILSUM_REQUIRE?"],
  ["TRAILSUM_MAXSIZE", ": did you mean TRAILSUM_MAX_SIZE?"],
  ["TRAILSUM_CONFI", ": did you mean TRAILSUM_CONFIG?"],
  ["TRAILSUM_SOMETHING", ""],
  ["TRAILSUM_", ""],
])("an unknown variable is an error: %s", async (name, suggested) => {
  const { exitCode, stdout, stderr } = await trailsum(["download", "http://127.0.0.1:1/x"], { env: { [name]: "1" } });
  expect([exitCode, stdout, stderr]).toEqual([
    2,
    "",
    `trailsum: unknown variable ${name}${suggested}; run 'trailsum download --help' for usage\n`,
  ]);
});

test.each([
  [{ requier: "verified" }, 'unknown setting "requier" in c.json: did you mean require?'],
  [{ maxSize: "1" }, 'unknown setting "maxSize" in c.json: did you mean max-size?'],
  [{ "\u202Ex": 1 }, 'unknown setting "\\u202ex" in c.json'],
  [{ constructor: 1 }, 'unknown setting "constructor" in c.json'],
  [{ retry: "3" }, '"retry" in c.json must be a number'],
  [{ require: true }, '"require" in c.json must be a string'],
  [{ quiet: "yes" }, '"quiet" in c.json must be a boolean'],
  [{ header: ["A: b", 1] }, '"header" in c.json must be a string, or a list of them'],
])("a file with a setting that cannot be used is an error: %j", async (settings, says) => {
  const cwd = await tempDir();
  await writeFile(join(cwd, "c.json"), JSON.stringify(settings));
  const { exitCode, stderr } = await trailsum(["download", "http://127.0.0.1:1/x", "--config", "c.json"], { cwd });
  expect([exitCode, stderr.replace(`${cwd}/`, "")]).toEqual([
    2,
    `trailsum: ${says}; run 'trailsum download --help' for usage\n`,
  ]);
});

test("a variable that is neither true nor false is an error where that is asked", async () => {
  const { exitCode, stderr } = await trailsum(["download", "http://127.0.0.1:1/x"], {
    env: { TRAILSUM_QUIET: "flase" },
  });
  expect([exitCode, stderr]).toEqual([
    2,
    `trailsum: TRAILSUM_QUIET cannot be "flase": use 1 or 0; run 'trailsum download --help' for usage\n`,
  ]);
});
