import { spawn } from "node:child_process";
import { readFile, rename, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";

import { hashPassword } from "@trailsum/server";
import {
  newCertificate,
  reasonWithoutSession,
  type RunningTrailsum,
  startTrailsum,
  tempDir,
  trailsum,
} from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

// Of util-linux.
const SCRIPT = "script";

/** The fingerprint of the certificate that a new connection is shown. */
function fingerprint(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { rejectUnauthorized: false, agent: false }, (response) => {
      resolve((response.socket as TLSSocket).getPeerCertificate().fingerprint256);
      response.resume();
    });
    asked.on("error", reject).end();
  });
}

async function status(url: string, authorization: string): Promise<number> {
  const response = await fetch(url, { headers: { Authorization: authorization, Connection: "close" } });
  await response.arrayBuffer();
  return response.status;
}

const basic = (password: string): string => `Basic ${Buffer.from(`ann:${password}`).toString("base64")}`;

/** Sends SIGHUP, and waits until the log has `count` lines that say what became of it. */
async function reload(running: RunningTrailsum, sentence: string, count = 1): Promise<void> {
  running.child.kill("SIGHUP");
  await expect.poll(() => running.stderr().split(sentence).length - 1, { timeout: 20_000 }).toBe(count);
}

describe("SIGHUP", () => {
  test("makes serve read its certificate again, and keeps the one it has when the new one cannot be used", async () => {
    const directory = await tempDir();
    const [first, second] = await Promise.all([newCertificate(), newCertificate()]);
    const { certFile, keyFile } = await first.files(directory);
    const args = ["--tls-cert", certFile, "--tls-key", keyFile, "--log", "text"];
    const running = await startTrailsum(["serve", await tempDir(), "--port", "0", ...args]);
    const before = await fingerprint(running.url);
    await writeFile(certFile, second.cert);
    await reload(running, "not reloaded, nothing has changed:");
    expect(await fingerprint(running.url)).toBe(before);
    await writeFile(keyFile, second.key);
    await reload(running, "reloaded certificates and credentials");
    expect(await fingerprint(running.url)).not.toBe(before);
    expect(await running.stop()).toMatchObject({ exitCode: 0 });
  });

  test("makes serve read its files of passwords and tokens again, both or neither", async () => {
    const directory = await tempDir();
    const [passwords, tokens] = [join(directory, "passwords"), join(directory, "tokens")];
    await writeFile(passwords, `ann:${await hashPassword("one")}\n`);
    await writeFile(tokens, "t1\n\nt2\n");
    const args = ["--auth-file", passwords, "--token-file", tokens, "--log", "text"];
    const running = await startTrailsum(["serve", await tempDir(), "--port", "0", ...args]);
    const statuses = async (): Promise<number[]> =>
      Promise.all([basic("two"), "Bearer t2", "Bearer t3"].map((it) => status(running.url, it)));
    expect(await statuses()).toEqual([401, 200, 401]);
    await writeFile(passwords, `ann:${await hashPassword("two")}\n`);
    await writeFile(tokens, "\n");
    await reload(running, `not reloaded, nothing has changed: ${tokens} has no tokens`);
    expect(await statuses()).toEqual([401, 200, 401]);
    await writeFile(tokens, "t3\n");
    await reload(running, "reloaded certificates and credentials");
    expect(await statuses()).toEqual([200, 401, 200]);
  });

  test("reaches the workers of a proxy, which use the new certificate and log to the new file", async () => {
    const directory = await tempDir();
    const [first, second] = await Promise.all([newCertificate(), newCertificate()]);
    const { certFile, keyFile } = await first.files(directory);
    const log = join(directory, "log");
    const args = ["--tls-cert", certFile, "--tls-key", keyFile, "--log-file", log];
    const running = await startTrailsum(["proxy", "http://127.0.0.1:1", "--port", "0", "--workers", "2", ...args]);
    const before = await fingerprint(running.url);
    await second.files(directory);
    await rename(log, `${log}.1`);
    running.child.kill("SIGHUP");
    const reloaded = async (): Promise<number> =>
      (await readFile(log, "utf8").catch(() => "")).split("reloaded certificates").length - 1;
    await expect.poll(reloaded, { timeout: 20_000 }).toBe(2);
    const seen = await Promise.all([1, 2, 3, 4].map(() => fingerprint(running.url)));
    expect(seen).not.toContain(before);
    expect(await running.stop()).toMatchObject({ exitCode: 0 });
    const exchanges = (text: string): number => text.split('"msg":"exchange"').length - 1;
    expect([exchanges(await readFile(`${log}.1`, "utf8")), exchanges(await readFile(log, "utf8"))]).toEqual([1, 4]);
    expect(running.stderr()).toBe("");
  });

  test.skipIf(reasonWithoutSession !== "")(
    `ends serve when the terminal was closed${reasonWithoutSession}`,
    async () => {
      const directory = await tempDir();
      const bin = join(import.meta.dirname, "../src/bin.ts");
      const shell = `echo $$ > pid; exec '${process.execPath}' '${bin}' serve files --port 0`;
      const terminal = spawn(SCRIPT, ["--quiet", "--flush", "--command", shell, "/dev/null"], {
        cwd: directory,
        env: { ...process.env, SHELL: "/bin/sh" },
      });
      onTestFinished(() => void terminal.kill("SIGKILL"));
      let screen = "";
      terminal.stdout.on("data", (text: Buffer) => (screen += text.toString()));
      await expect.poll(() => screen, { timeout: 20_000 }).toContain("listening on");
      const pid = Number(await readFile(join(directory, "pid"), "utf8"));
      process.kill(pid, "SIGHUP");
      await expect.poll(() => screen, { timeout: 20_000 }).toContain("reloaded certificates");
      terminal.kill("SIGKILL");
      const isRunning = (): boolean => {
        try {
          return process.kill(pid, 0);
        } catch {
          return false;
        }
      };
      await expect.poll(isRunning, { timeout: 20_000 }).toBe(false);
    },
  );
});

describe("--log-file", () => {
  test("has the log in place of stderr, is appended to, and is opened again at SIGHUP", async () => {
    const directory = await tempDir();
    const log = join(directory, "log");
    await writeFile(log, "before\n");
    const running = await startTrailsum(["serve", await tempDir(), "--port", "0", "--log-file", log]);
    const lines = async (path = log): Promise<string[]> => (await readFile(path, "utf8")).split("\n").slice(0, -1);
    expect(await status(`${running.url}/a`, "")).toBe(404);
    await expect.poll(() => lines()).toHaveLength(2);
    await rename(log, `${log}.1`);
    running.child.kill("SIGHUP");
    await expect.poll(() => lines().catch(() => []), { timeout: 20_000 }).toHaveLength(1);
    expect(await status(`${running.url}/b`, "")).toBe(404);
    await expect.poll(() => lines()).toHaveLength(2);
    const targets = [...(await lines(`${log}.1`)).slice(1), ...(await lines())].map(
      (line) => (JSON.parse(line) as { target?: string }).target,
    );
    expect(targets).toEqual(["/a", undefined, "/b"]);
    expect(running.stderr()).toBe("");
  });

  test("that cannot be written is refused at the start", async () => {
    const { exitCode, stderr } = await trailsum(["serve", await tempDir(), "--log-file", "/nonexistent/log"]);
    expect([exitCode, stderr]).toEqual([
      5,
      expect.stringContaining("cannot write the log to /nonexistent/log: ENOENT"),
    ]);
  });
});
