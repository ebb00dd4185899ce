import { rawClient } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { content, fileOf, md5, patterned } from "./support/content.ts";
import { startHop } from "./support/hop.ts";
import { inLanes } from "./support/lanes.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

describe.each(["close", "reset"] as const)("a hop that ends both connections by a %s", (ending) => {
  test("anywhere in an upload leaves nothing behind, and the command ends with 3", async () => {
    const serving = await serve();
    const { url, directory, visible, staged } = serving;
    const hop = await startHop(url);
    const bytes = patterned(600_000);
    const file = await fileOf(bytes);
    expect((await trailsum(["upload", file, `${hop.origin}/00`, "--quiet"])).exitCode).toBe(0);

    const cuts = interestingPoints(hop.request());
    const results = await inLanes(
      cuts,
      () => startHop(url),
      async ([where, cutRequest], lane) => {
        lane.plan = { cutRequest, ending };
        const { exitCode, stdout, stderr } = await trailsum(["upload", file, `${lane.origin}/01`]);
        return [where, exitCode, stdout, /^trailsum: \S+: the connection was [^\n]+\n$/.test(stderr) || stderr];
      },
    );
    expect(results).toEqual(cuts.map(([where]) => [where, 3, "", true]));
    expect(await visible()).toEqual(["00"]);
    await expect.poll(staged).toEqual([]);

    expect((await serving.stop()).exitCode).toBe(0);
    const restarted = await serve([], { directory });
    expect([await restarted.visible(), await restarted.staged()]).toEqual([["00"], []]);
  });

  test("in the answer to an upload ends the command with 3, and what was verified stays", async () => {
    const { url, visible, staged } = await serve();
    const hop = await startHop(url);
    const file = await fileOf();
    for (const [name, cutResponse] of Object.entries({ "at its first byte": 1, "in its head": 40 })) {
      hop.plan = { cutResponse, ending };
      const { exitCode, stdout } = await trailsum(["upload", file, `${hop.origin}/${encodeURIComponent(name)}`]);
      expect([exitCode, stdout]).toEqual([3, ""]);
    }
    expect(await visible()).toEqual(["at its first byte", "in its head"]);
    expect(await staged()).toEqual([]);
  });
});

test("serve that is killed in the middle of an upload shows nothing of it, and cleans up when it is started again", async () => {
  const { child, exited, directory, port, url, visible, staged } = await serve();
  await trailsum(["upload", await fileOf(), `${url}/before`]);
  const client = await rawClient(port);
  await client.write(
    "PUT /it HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTrailer: Md5\r\n\r\n200000\r\n" +
      "x".repeat(0x200000),
  );
  await expect.poll(staged).toHaveLength(1);
  child.kill("SIGKILL");
  await exited;
  expect(await visible()).toEqual(["before"]);
  expect(await staged()).toHaveLength(1);

  const restarted = await serve([], { directory });
  expect([await restarted.visible(), await restarted.staged()]).toEqual([["before"], []]);
  const { exitCode, stdout } = await trailsum([
    "download",
    `${restarted.url}/before`,
    "-o",
    "-",
    "--require",
    "verified",
  ]);
  expect([exitCode, stdout]).toEqual([0, content.toString()]);
});

test("a second serve on the same directory leaves alone what the first one is receiving", async () => {
  const { directory, port, staged, visible } = await serve();
  const client = await rawClient(port);
  const size = content.length.toString(16);
  await client.write(
    `PUT /it HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTrailer: Md5\r\n\r\n${size}\r\n${content.toString()}\r\n`,
  );
  await expect.poll(staged).toHaveLength(1);
  await serve([], { directory });
  expect(await staged()).toHaveLength(1);
  await client.write(`0\r\nMd5: ${md5(content)}\r\n\r\n`);
  expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 201 /);
  expect([await visible(), await staged()]).toEqual([["it"], []]);
});

/** Every place in a chunked request where a cut is a different thing to its receiver. */
function interestingPoints(request: Buffer): (readonly [where: string, bytes: number])[] {
  const head = request.indexOf("\r\n\r\n") + 4;
  const last = request.lastIndexOf("\r\n0\r\n") + 2;
  return [
    ["in the request line", 5],
    ["in the header", head - 20],
    ["before the first chunk", head],
    ["in a chunk size", head + 2],
    ["in the content", head + 300_000],
    ["in the line end of the content", last - 1],
    ["before the last chunk", last],
    ["in the last chunk", last + 2],
    ["before the trailers", last + 3],
    ["in the trailers", last + 30],
    ["before the empty line", request.length - 2],
    ["before the very last byte", request.length - 1],
  ];
}
