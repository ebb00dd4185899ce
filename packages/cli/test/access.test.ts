import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir, trailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { serve } from "./support/serving.ts";

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
  const wrong = [basic("ann:c"), basic("zoë:Secret"), { Authorization: "Bearer t" }, {}];
  expect(await statuses(url, ...right)).toEqual([404, 404, 404, 404]);
  expect(await statuses(url, ...wrong)).toEqual([401, 401, 401, 401]);
  expect(stderr()).not.toMatch(/secret|t0k|warning/i);
});

test("the environment can hold credentials", async () => {
  const env = { ...process.env, TRAILSUM_AUTH: "ann:secret", TRAILSUM_TOKEN: "t0k" };
  const { url } = await serve([], { env });
  expect(await statuses(url, basic("ann:secret"), { Authorization: "Bearer t0k" }, {})).toEqual([404, 404, 401]);
});

test.each([
  [["--auth", "secret"], "credentials are written user:password"],
  [["--token", "two words"], "a token may have"],
  [["--read-only", "--write-only"], "exclude each other"],
  [["--auth-file", "/nonexistent"], "cannot read /nonexistent"],
  [["--hash-password", "a:b"], "a user name has no colon"],
])("%j is refused", async (args, reason) => {
  const { exitCode, stderr } = await trailsum(["serve", await tempDir(), ...args], { input: "secret" });
  expect([[2, 5].includes(exitCode!), stderr]).toEqual([true, expect.stringContaining(reason)]);
  expect(stderr).not.toContain("secret");
});

test("serve warns of a network that can read and write, and of secrets in cleartext", async () => {
  const open = await serve(["--host", "0.0.0.0"]);
  await expect.poll(open.stderr).toContain(`anyone who can reach ${open.url} can read and write here: use --auth`);
  const reading = await serve(["--host", "0.0.0.0", "--read-only"]);
  await expect.poll(reading.stderr).toContain("can read here");
  const cleartext = await serve(["--host", "0.0.0.0", "--token", "t"]);
  await expect.poll(cleartext.stderr).toContain("in cleartext: use --tls-cert");
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
