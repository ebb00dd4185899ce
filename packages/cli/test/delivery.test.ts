import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { connect, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { pipeline, Transform } from "node:stream";

import { listen, tempDir, trailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { fileOf, patterned } from "./support/content.ts";
import { serve } from "./support/serving.ts";
import { trailerDropper } from "./support/trailer-dropper.ts";

const bytes = patterned(1_500_000);

test.each([false, true])("a file whose trailers a hop drops is completed (buffering: %s)", async (buffers) => {
  const { url, directory } = await serve();
  const { origin, requests } = await trailerDropper(url, { buffers });
  const { exitCode, stdout, stderr } = await trailsum(["upload", await fileOf(bytes), `${origin}/it`, "--json", "-v"]);
  expect(stderr).toMatch(/: delivered by two-step: the path dropped the trailers of this upload: /);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ confirmedBy: "server", delivery: { mode: "two-step", attempts: 1 } });
  expect(requests).toEqual(["PUT /it", "PATCH /.trailsum/uploads/ID"]);
  expect((await readFile(join(directory, "it"))).equals(bytes)).toBe(true);
});

test("a pipe through two such hops is probed and delivered in two steps, and what was learned is kept in a file", async () => {
  const { url, directory } = await serve();
  const { origin, requests } = await trailerDropper((await trailerDropper(url, { buffers: true })).origin);
  const home = join(await tempDir(), "cache");
  const run = (name: string, ...flags: string[]) =>
    trailsum(["upload", "-", `${origin}/${name}`, "--json", ...flags], { input: bytes, env: { XDG_CACHE_HOME: home } });
  const first = await run("it", "--no-delivery-cache");
  expect([first.exitCode, first.stderr]).toEqual([0, ""]);
  const asked = ["OPTIONS /it", "PUT /it", "PATCH /.trailsum/uploads/ID"];
  expect(requests.splice(0)).toEqual(asked);
  await run("it");
  expect(requests.splice(0)).toEqual(asked);
  const third = await run("it");
  expect(JSON.parse(third.stdout)).toMatchObject({
    delivery: { mode: "two-step", reason: "the path drops trailers: seen before" },
  });
  expect(requests).toEqual(["OPTIONS /it", "PUT /it", "PATCH /.trailsum/uploads/ID"]);
  expect((await readFile(join(directory, "it"))).equals(bytes)).toBe(true);
});

test("a short pipe is one request, to a server of which nothing is known", async () => {
  const asked: string[] = [];
  const { origin } = await listen(
    createServer((req, res) => {
      asked.push(`${req.method} ${req.url}`);
      req.resume().on("end", () => res.writeHead(201).end());
    }),
  );
  const { exitCode } = await trailsum(["upload", "-", `${origin}/it`, "--no-delivery-cache"], { input: "x" });
  expect([exitCode, asked]).toEqual([0, ["PUT /it"]]);
});

test("--delivery trailers is refused on such a path, and --delivery header is not", async () => {
  const { url } = await serve();
  const { origin, requests } = await trailerDropper(url);
  const file = await fileOf(bytes);
  const refused = await trailsum(["upload", file, `${origin}/it`, "--delivery", "trailers"]);
  expect([refused.exitCode, refused.stderr]).toEqual([7, expect.stringContaining("a proxy on the way may have")]);
  const sent = await trailsum(["upload", file, `${origin}/it`, "--delivery", "header"]);
  expect([sent.exitCode, requests]).toEqual([0, ["PUT /it", "PUT /it"]]);
  const pipe = await trailsum(["upload", "-", `${origin}/it`, "--delivery", "header"], { input: "x" });
  expect([pipe.exitCode, pipe.stderr]).toEqual([2, expect.stringContaining('use "two-step" or "trailers"')]);
});

test("probe says what survives the path, and what follows", async () => {
  const { url } = await serve();
  const quiet = await trailsum(["probe", `${url}/it`, "--quiet"]);
  expect([quiet.exitCode, quiet.stdout, quiet.stderr]).toEqual([0, "", ""]);
  const direct = await trailsum(["probe", `${url}/it`]);
  expect([direct.exitCode, direct.stderr]).toEqual([0, ""]);
  const rows = new Map([...direct.stdout.matchAll(/^ {2}(.+?) {2,}(.*)$/gm)].map(([, name, value]) => [name, value]));
  for (const name of ["trailers down", "Expect", "full duplex", "streaming", "two-step"]) {
    expect([name, rows.get(name)]).toEqual([name, "yes"]);
  }
  expect([rows.get("trailers up"), rows.get("104")]).toEqual(["kept", "kept"]);
  expect(rows.get("delivery")).toMatch(/^trailers: /);

  const { origin } = await trailerDropper(url, { buffers: true });
  const eaten = await trailsum(["probe", `${origin}/it`, "--json"]);
  expect(JSON.parse(eaten.stdout)).toMatchObject({
    trailsum: true,
    trailersUp: "dropped",
    trailersDown: false,
    interim: "dropped",
    fullDuplex: false,
    streaming: false,
    twoStep: true,
    delivery: { mode: "two-step" },
  });
});

test("probe says that a hop passed an interim response on as a final one, as nginx does", async () => {
  const { url } = await serve();
  const { port } = await listen(
    createTcpServer((client) => {
      const server = connect(Number(new URL(url).port), "127.0.0.1");
      // The server writes the head of an interim response as a whole.
      const rewriting = new Transform({
        transform: (piece: Buffer, _encoding, done) =>
          done(
            null,
            piece.toString("latin1").replace(/^HTTP\/1\.1 104 .*$/m, "HTTP/1.1 104 \r\nConnection: keep-alive"),
          ),
      });
      rewriting.setDefaultEncoding("latin1");
      pipeline(client, server, rewriting, client, () => {});
    }),
  );
  const { exitCode, stdout } = await trailsum(["probe", `http://127.0.0.1:${port}/it`]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^ {2}104 +rewritten$/m);
});

test("probe asks a server that is not trailsum for OPTIONS and nothing else", async () => {
  const asked: string[] = [];
  const { origin } = await listen(createServer((req, res) => res.end(String(asked.push(`${req.method} ${req.url}`)))));
  const { exitCode, stdout } = await trailsum(["probe", `${origin}/it`]);
  expect([exitCode, asked]).toEqual([0, ["OPTIONS /it"]]);
  expect(stdout).toContain("not known to be a trailsum server");
  expect(stdout).toMatch(/^ {2}trailers up +unknown$/m);
});
