import { spawnTrailsum, rawServer, tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { content, fileOf, patterned, sha256 } from "./support/content.ts";
import { startHop } from "./support/hop.ts";
import { inLanes } from "./support/lanes.ts";
import { filesBelow, serve } from "./support/serving.ts";

const trailsum = commandProcess();

describe.each([
  ["close", "with trailers"],
  ["reset", "with trailers"],
  ["close", "of known length"],
  ["reset", "of known length"],
] as const)("a hop that ends both connections by a %s", (ending, framing) => {
  test(`anywhere in a download ${framing} leaves no file, and the command ends with 3`, async () => {
    const { url } = await serve();
    const hop = await startHop(url);
    const bytes = patterned(600_000);
    await trailsum(["upload", await fileOf(bytes), `${url}/it`]);
    // A client that does not announce that it accepts trailers gets a length.
    const plan =
      framing === "with trailers" ? {} : { rewrite: (request: string) => request.replace("TE: trailers\r\n", "") };
    hop.plan = plan;
    const directory = await tempDir();
    const whole = await trailsum(["download", `${hop.origin}/it`, "-o", "whole"], { cwd: directory });
    expect([whole.exitCode, whole.stdout]).toEqual([0, `${sha256(bytes)}  whole\n`]);

    const response = hop.response();
    const cuts = framing === "with trailers" ? inChunks(response) : inLength(response);
    const results = await inLanes(
      cuts,
      () => startHop(url),
      async ([where, cutResponse], lane) => {
        lane.plan = { ...plan, cutResponse, ending };
        const { exitCode, stdout, stderr } = await trailsum(["download", `${lane.origin}/it`], { cwd: directory });
        return [where, exitCode, stdout, /^trailsum: \S+: [^\n]+\n$/.test(stderr) || stderr];
      },
    );
    expect(await filesBelow(directory)).toEqual(["whole"]);
    expect(results).toEqual(cuts.map(([where]) => [where, 3, "", true]));
  });
});

test("a download that is cut short continues where it was, or starts again, when it may try again", async () => {
  const { url } = await serve();
  const hop = await startHop(url);
  const bytes = patterned(600_000);
  await trailsum(["upload", await fileOf(bytes), `${url}/it`]);
  hop.plan = { cutResponse: 300_000 };
  const directory = await tempDir();
  const running = spawnTrailsum(["download", `${hop.origin}/it`, "--retry", "3"], { cwd: directory });
  await expect.poll(() => hop.response().length).toBeGreaterThan(0);
  hop.plan = {};
  const { exitCode, stdout } = await running.exited;
  expect([exitCode, stdout]).toEqual([0, `${sha256(bytes)}  it\n`]);
  expect(await filesBelow(directory)).toEqual(["it"]);
});

test("a download that was killed leaves a hidden file, and the next one to that place removes it", async () => {
  const silent = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this");
  });
  const { url } = await serve();
  await trailsum(["upload", await fileOf(), `${url}/it`]);
  const directory = await tempDir();
  const { child, exited } = spawnTrailsum(["download", `${silent.origin}/it`], { cwd: directory });
  // Wait for the answer: the hidden file exists before the request is sent.
  await expect.poll(() => silent.connections.length).toBe(1);
  await silent.finished();
  expect(await filesBelow(directory)).toEqual([expect.stringMatching(/^\.it\..*\.trailsum$/)]);
  child.kill("SIGKILL");
  expect((await exited).signal).toBe("SIGKILL");
  expect(await filesBelow(directory)).toHaveLength(1);

  const { stdout } = await trailsum(["download", `${url}/it`], { cwd: directory });
  expect(stdout).toBe(`${sha256(content)}  it\n`);
  expect(await filesBelow(directory)).toEqual(["it"]);
});

/** Every place in a chunked response where a cut is a different thing to its receiver. */
function inChunks(response: Buffer): (readonly [where: string, bytes: number])[] {
  const head = response.indexOf("\r\n\r\n") + 4;
  const last = response.lastIndexOf("\r\n0\r\n") + 2;
  return [
    ["in the status line", 5],
    ["in the header", head - 20],
    ["before the first chunk", head],
    ["in a chunk size", head + 2],
    ["in the content", head + 300_000],
    ["before the last chunk", last],
    ["in the last chunk", last + 2],
    ["before the trailers", last + 3],
    ["in the trailers", last + 30],
    ["before the empty line", response.length - 2],
    ["before the very last byte", response.length - 1],
  ];
}

function inLength(response: Buffer): (readonly [where: string, bytes: number])[] {
  const head = response.indexOf("\r\n\r\n") + 4;
  return [
    ["in the header", head - 20],
    ["before the content", head],
    ["in the content", head + 300_000],
    ["before the very last byte", response.length - 1],
  ];
}
