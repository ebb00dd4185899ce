import { once } from "node:events";
import { access, readdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { spawnTrailsum, startTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { listenerOptions } from "../src/flags/listener-flags.ts";
import { content, fileOf } from "./support/content.ts";

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** What a GET through a Unix domain socket is answered. */
async function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, agent: false }, (response) => {
      text(response).then((body) => resolve(`${response.statusCode} ${body}`), reject);
    });
    asked.on("error", reject).end();
  });
}

describe("--listen unix:PATH", () => {
  test("serve stores and returns files through a socket, and removes its file at the end", async () => {
    const socket = join(await tempDir(), "serve.sock");
    const files = await tempDir();
    const running = await startTrailsum(["serve", files, "--listen", `unix:${socket}`, "--log", "text"]);
    expect(running.stdout()).toBe(`listening on unix:${socket}\n`);
    const args = ["--unix-socket", socket];
    const { exitCode } = await trailsum(["upload", await fileOf(), "http://localhost/it", ...args]);
    expect(exitCode).toBe(0);
    expect(await get(socket, "/it")).toBe(`200 ${content.toString()}`);
    const session = connectHttp2("http://localhost", { createConnection: () => connect({ path: socket }) });
    const stream = session.request({ ":path": "/it" });
    expect(await text(stream)).toBe(content.toString());
    session.close();
    // Its directory decides who may connect: there is no warning that everyone can write.
    expect(running.stderr()).not.toContain("warning");
    expect(await running.stop()).toMatchObject({ exitCode: 0 });
    expect(await exists(socket)).toBe(false);
  });

  test("a socket that a killed process left is replaced, and one in use is refused", async () => {
    const socket = join(await tempDir(), "serve.sock");
    const args = ["serve", await tempDir(), "--listen", `unix:${socket}`];
    const killed = await startTrailsum(args);
    await killed.stop("SIGKILL");
    expect(await exists(socket)).toBe(true);
    await startTrailsum(args);
    expect(await get(socket, "/nothing")).toMatch(/^404 /);
    const { exitCode, stdout, stderr } = await trailsum(args);
    expect([exitCode, stdout, stderr]).toEqual([
      2,
      "",
      `trailsum: cannot listen on unix:${socket}: address already in use: stop the process that listens there, or use another path\n`,
    ]);
    expect(await get(socket, "/nothing")).toMatch(/^404 /);
  });

  test("a file that is not a socket is neither used nor removed", async () => {
    const path = join(await tempDir(), "file");
    await writeFile(path, "mine");
    const { exitCode, stderr } = await trailsum(["serve", await tempDir(), "--listen", `unix:${path}`]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("address already in use")]);
    expect(await exists(path)).toBe(true);
  });

  test("workers of a proxy share a socket", async () => {
    const directory = await tempDir();
    const socket = join(directory, "proxy.sock");
    const server = await startTrailsum(["serve", await tempDir(), "--port", "0"]);
    const running = await startTrailsum(["proxy", server.url, "--listen", `unix:${socket}`, "--workers", "2"]);
    expect(running.url).toBe(`unix:${socket}`);
    for (let turn = 0; turn < 4; turn += 1) expect(await get(socket, `/${turn}`)).toMatch(/^404 /);
    expect(await running.stop()).toMatchObject({ exitCode: 0 });
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("--listen", () => {
  test.each([
    ["0", /^http:\/\/127\.0\.0\.1:\d+$/],
    ["127.0.0.2:0", /^http:\/\/127\.0\.0\.2:\d+$/],
  ])("%s is an address and a port, as --host and --port are", async (address, url) => {
    const running = await startTrailsum(["serve", await tempDir(), "--listen", address]);
    expect(running.url).toMatch(url);
    expect((await fetch(running.url, { headers: { Connection: "close" } })).status).toBe(200);
  });

  test.each([
    [{ listen: "8080", port: 0 }, "--listen excludes --host and --port"],
    [{ listen: "8080", host: "localhost" }, "--listen excludes --host and --port"],
    [{ listen: "unix:" }, "a path must follow unix:"],
    [{ listen: "127.0.0.1:70000" }, "--listen takes [HOST:]PORT or unix:PATH"],
    [{ listen: "::1:8080" }, "--listen takes [HOST:]PORT or unix:PATH"],
  ])("%j is refused", async (given, sentence) => {
    const { signal } = new AbortController();
    await expect(listenerOptions({ drain: 10, quiet: false, json: false, ...given }, signal)).rejects.toThrow(sentence);
  });

  test.each([
    ["unix:/nonexistent/it.sock", "the directory does not exist"],
    [`unix:/${"x".repeat(200)}`, "the path is too long for a socket"],
  ])("%s cannot be listened on, and the reason is reported", async (address, sentence) => {
    const { exitCode, stdout, stderr } = await trailsum(["proxy", "http://127.0.0.1:1", "--listen", address]);
    expect([exitCode, stdout, stderr]).toEqual([2, "", expect.stringContaining(sentence)]);
  });
});

describe("--json prints the line at the start as an object", () => {
  /** The object, once the whole line has come. */
  const started = async (args: readonly string[]): Promise<unknown> => {
    const { child, stdout } = spawnTrailsum(args);
    await expect.poll(stdout, { timeout: 20_000 }).toMatch(/\n$/);
    return { pid: child.pid, said: JSON.parse(stdout()) as unknown };
  };

  test("with the address, where the metrics are, and the process", async () => {
    const flags = ["--json", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
    for (const args of [
      ["serve", await tempDir()],
      ["proxy", "http://127.0.0.1:1", "--workers", "2"],
    ]) {
      const { pid, said } = (await started([...args, ...flags])) as {
        pid: number;
        said: { listening: { url: string; port: number }; metrics: string };
      };
      expect(said).toEqual({
        listening: { url: `http://127.0.0.1:${said.listening.port}`, host: "127.0.0.1", port: expect.any(Number) },
        metrics: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/),
        pid,
      });
      expect((await fetch(said.listening.url, { headers: { Connection: "close" } })).status).toBeGreaterThan(199);
      expect((await fetch(said.metrics, { headers: { Connection: "close" } })).status).toBe(200);
    }
  });

  test("with the path of a socket", async () => {
    const path = join(await tempDir(), "it.sock");
    expect(await started(["serve", await tempDir(), "--json", "--listen", `unix:${path}`])).toMatchObject({
      said: { listening: { url: `unix:${path}`, path } },
    });
  });

  test("and an error as every command does", async () => {
    const { exitCode, stdout } = await trailsum(["proxy", "http://127.0.0.1:1", "--json", "--listen", "unix:"]);
    expect([exitCode, JSON.parse(stdout)]).toEqual([2, { error: { code: "USAGE", message: expect.any(String) } }]);
  });
});

test("a socket that accepts and says nothing counts as in use", async () => {
  const path = join(await tempDir(), "silent.sock");
  const silent = createServer().listen(path);
  await once(silent, "listening");
  try {
    const { exitCode } = await trailsum(["serve", await tempDir(), "--listen", `unix:${path}`]);
    expect(exitCode).toBe(2);
  } finally {
    silent.close();
  }
});
