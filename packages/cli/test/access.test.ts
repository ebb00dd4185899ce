import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { rawServer, tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

const basic = (credentials: string): Record<string, string> => ({
  Authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
});

async function statuses(url: string, ...headers: Record<string, string>[]): Promise<number[]> {
  const answers = headers.map(async (header) => (await fetch(`${url}/nothing`, { headers: header })).status);
  return Promise.all(answers);
}

test("serve --auth, --auth-file and --token let in what they name", async () => {
  const made = await trailsum(["serve", "--hash-password", "zoë"], { input: "secret\n" });
  expect([made.exitCode, made.stdout]).toEqual([0, expect.stringMatching(/^zoë:\$scrypt\$ln=15,r=8,p=3\$\S+\n$/)]);
  const file = join(await tempDir(), "passwords");
  await writeFile(file, `# users\n${made.stdout}`);
  const { url, stderr } = await serve(["--auth", "ann:a:b", "--auth", "bob:c", "--auth-file", file, "--token", "t0k"]);
  const right = [basic("ann:a:b"), basic("bob:c"), basic("zoë:secret"), { Authorization: "Bearer t0k" }];
  const wrong = [{ Authorization: "Bearer t" }, {}];
  expect(await statuses(url, ...right)).toEqual([404, 404, 404, 404]);
  expect(await statuses(url, ...wrong)).toEqual([401, 401]);
  expect(stderr()).not.toMatch(/secret|t0k|warning/i);
});

test("the environment can hold credentials", async () => {
  const env = { ...process.env, TRAILSUM_AUTH: "ann:secret", TRAILSUM_TOKEN: "t0k" };
  const { url } = await serve([], { env });
  expect(await statuses(url, basic("ann:secret"), { Authorization: "Bearer t0k" }, {})).toEqual([404, 404, 401]);
});

test.each([
  [["--auth", "secret"], 2, "credentials are written user:password"],
  [["--auth-file", "/nonexistent"], 5, "cannot read /nonexistent"],
])("serve %j is refused", async (args, status, reason) => {
  const { exitCode, stderr } = await trailsum(["serve", await tempDir(), ...args]);
  expect([exitCode, stderr]).toEqual([status, expect.stringContaining(reason)]);
  expect(stderr).not.toContain("secret");
});

test("serve warns of a network that can read and write", async () => {
  const { url, stderr } = await serve(["--host", "0.0.0.0"]);
  await expect.poll(stderr).toContain(`anyone who can reach ${url} can read and write here: use --auth`);
});

test("--read-only refuses uploads, --write-only downloads, and dotfiles need --dotfiles", async () => {
  const directory = await tempDir();
  await mkdir(join(directory, ".git"));
  await writeFile(join(directory, ".git/config"), "x");
  const [reading, writing, all] = await Promise.all([
    serve(["--read-only"], { directory }),
    serve(["--write-only"], { directory }),
    serve(["--dotfiles"], { directory }),
  ]);
  const put = { method: "PUT", body: "body", headers: { Md5: "841a2d689ad86bd1611447453c22c6fc" } };
  const status = async (url: string, init?: RequestInit): Promise<number> => (await fetch(url, init)).status;
  expect(await status(`${reading.url}/a`, put)).toBe(405);
  expect(await status(`${writing.url}/a`, put)).toBe(201);
  expect(await status(`${writing.url}/a`)).toBe(405);
  expect(await status(`${writing.url}/.new/a`, put)).toBe(403);
  expect(await status(`${reading.url}/.git/config`)).toBe(404);
  expect(await status(`${all.url}/.git/config`)).toBe(200);
  expect(await reading.visible()).toEqual([".git/config", "a"]);
});

test("upload and download send the credentials that they are given, and never print them", async () => {
  const { url, stderr } = await serve(["--auth", "zoë:p@ss:wörd", "--token", "t0k"]);
  const authority = url.replace("//", "//zo%C3%AB:p%40ss:w%C3%B6rd@");
  const env = { ...process.env, TRAILSUM_AUTH: "zoë:p@ss:wörd" };
  const runs = await Promise.all([
    trailsum(["upload", "-", `${authority}/a`, "--json"], { input: "body" }),
    trailsum(["upload", "-", `${url}/b`, "--token", "t0k", "--json"], { input: "body" }),
    trailsum(["download", `${url}/none`, "-o", "-"], { env }),
    trailsum(["download", `${url}/none`, "-o", "-"]),
  ]);
  const printed = runs.map((run) => run.stdout + run.stderr);
  expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 4, 4]);
  expect([printed[2], printed[3]]).toEqual([expect.stringContaining("404"), expect.stringContaining("401")]);
  expect(printed.join("") + stderr()).not.toMatch(/zo|p@|p%40|t0k|w.+rd|Basic|Bearer/);
});

test("credentials are not sent on to another origin", async () => {
  const other = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const first = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 302 Found\r\nLocation: ${other.origin}/b\r\nContent-Length: 0\r\n\r\n`);
  });
  await trailsum(["download", `${first.origin}/a`, "-o", "-", "--token", "t0k"]);
  const sent = [first, other].map(({ connections }) => connections[0]!.received.toString());
  expect(sent.map((text) => text.includes("Bearer t0k"))).toEqual([true, false]);
});
