import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

import { listen, rawServer, type RunningTrailsum, startTrailsum, tempDir } from "@trailsum/testkit";
import { beforeAll, describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { buildGoPeers } from "./support/go-peers.ts";
import { peers } from "./support/peers.ts";
import { serve } from "./support/serving.ts";
import { type TrailerCaseName, trailerCases } from "./support/trailer-case.ts";

const trailsum = commandProcess();

const proxy = (args: readonly string[]): Promise<RunningTrailsum> =>
  startTrailsum(["proxy", "--port", "0", "--log", "text", ...args]);

/** What the server behind the proxy answers: digests get to it whether they were announced or not. */
const answers: Readonly<Record<TrailerCaseName, number>> = {
  "digest and size": 201,
  "a wrong digest": 400,
  "a wrong size": 400,
  "a digest announced and missing": 400,
  "a size announced and missing": 400,
  "both announced and missing": 400,
  "digest and size, unannounced": 201,
  "no trailers at all": 400,
};

describe.each(peers)("$name uploads through trailsum proxy", ({ present, send }) => {
  beforeAll(() => (present ? buildGoPeers() : undefined));

  test.skipIf(!present)("with trailers kept: what is right is stored, and nothing else", async () => {
    const { url, visible } = await serve();
    const { url: through } = await proxy([url]);
    const reported: Record<string, number> = {};
    for (const [name, trailers] of Object.entries(trailerCases)) {
      reported[name] = (await send(`${through}/${encodeURIComponent(name)}`, trailers)).status;
    }
    expect(reported).toEqual(answers);
    expect(await visible()).toEqual(["digest and size", "digest and size, unannounced"]);
  });

  test.skipIf(!present).each([
    ["all", 201],
    ["declared", 400],
  ])("with --request-trailers %s an unannounced digest makes the answer %i", async (selection, expected) => {
    const { url } = await serve();
    const { url: through } = await proxy([url, "--request-trailers", selection]);
    const { status } = await send(`${through}/x`, trailerCases["digest and size, unannounced"]);
    expect(status).toBe(expected);
  });
});

describe("trailsum proxy", () => {
  test("has flags for its timeouts, in seconds, and for its name in Via", async () => {
    const silent = await rawServer(() => {});
    const { url } = await proxy([silent.origin, "--timeout-response", "0.05", "--via", "edge"]);
    const response = await fetch(url);
    expect([response.status, response.headers.get("proxy-status")]).toEqual([504, "edge; error=http_response_timeout"]);
    await response.body?.cancel();
  });

  test.each([
    ["--timeout-idle", "-1"],
    ["--timeout-connect", "soon"],
    ["--min-rate", "-5"],
    ["--via", "a b"],
    ["--request-trailers", "declard"],
    ["--request-trailers", "Declared"],
    ["--response-trailers", "al"],
    ["--response-trailers", ""],
  ])("refuses %s %s: exit 2", async (flag, value) => {
    const { exitCode, stderr } = await trailsum(["proxy", "http://127.0.0.1:1", "--port", "0", `${flag}=${value}`]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(flag === "--via" ? "Via" : flag)]);
  });

  test("hands files on both ways, verified in transit, and logs what it found", async () => {
    const { url } = await serve();
    const running = await proxy([url, "--verify", "enforce"]);
    const directory = await tempDir();
    await writeFile(join(directory, "it"), "content");
    const uploaded = await trailsum(["upload", join(directory, "it"), `${running.url}/it`, "--json"]);
    expect(JSON.parse(uploaded.stdout)).toMatchObject({ status: 201, confirmedBy: "server" });
    const downloaded = await trailsum(["download", `${running.url}/it`, "-o", join(directory, "copy"), "--json"]);
    expect(JSON.parse(downloaded.stdout)).toMatchObject({ verdict: "verified" });
    expect(await readFile(join(directory, "copy"), "utf8")).toBe("content");
    const { exitCode, stderr } = await running.stop();
    const lines = stderr.trim().split("\n");
    expect([exitCode, lines.length]).toEqual([0, 2]);
    expect(lines[0]).toMatch(
      /^127\.0\.0\.1 "PUT \/it" 201 [\d.]+ms in=7 .* request=verified response=unverified .* mode=trailers /,
    );
    expect(lines[1]).toMatch(
      /^127\.0\.0\.1 "GET \/it" 200 [\d.]+ms in=0 out=7 origin=http:\S+ response=verified id=\S+$/,
    );
  });

  test("says where it listens once, with several processes, which all end on SIGTERM", async () => {
    const { url, visible } = await serve();
    const running = await proxy([url, "--workers", "2"]);
    const names = ["a", "b", "c", "d"];
    const ends = names.map((name) => trailsum(["upload", "-", `${running.url}/${name}`], { input: name }));
    expect((await Promise.all(ends)).map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    expect(await visible()).toEqual(names);
    const { exitCode, stdout } = await running.stop();
    expect([exitCode, stdout]).toEqual([0, `listening on ${running.url}\n`]);
  });

  test.each([
    [[], "/x?a=1;b=2&c=%zz"],
    [["--clean-query"], "/x"],
  ])("with %j a query that parsers read differently reaches the server as %s", async (flags, seen) => {
    const server = createServer((request, response) => response.end(request.url));
    const { origin } = await listen(server);
    const { url } = await proxy([origin, ...flags]);
    expect(await (await fetch(`${url}/x?a=1;b=2&c=%zz`)).text()).toBe(seen);
  });

  test("answers 502 for a server that is down, and the client says that it was refused", async () => {
    const { url } = await proxy(["http://127.0.0.1:1"]);
    const { exitCode, stderr } = await trailsum(["download", `${url}/it`, "-o", "-"]);
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining("502 Bad Gateway")]);
  });

  test.each([
    [["proxy"], "say where requests go"],
    [["proxy", "not-a-url"], '"not-a-url" is not a valid target'],
    [["proxy", "http://127.0.0.1:1", "--workers", "0"], "--workers takes a number"],
    [["proxy", "http://127.0.0.1:1", "--verify", "perhaps"], "verify"],
  ])("%j is a usage error", async (args, sentence) => {
    const { exitCode, stderr } = await trailsum(args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
