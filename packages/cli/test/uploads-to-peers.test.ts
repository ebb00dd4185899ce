import { beforeAll, describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { base64Of, content, fileOf, md5 } from "./support/content.ts";
import { buildGoPeers } from "./support/go-peers.ts";
import { startHop } from "./support/hop.ts";
import { inLanes } from "./support/lanes.ts";
import { peers } from "./support/peers.ts";

const trailsum = commandProcess();

const digest = md5(content);

/** What a hop on the way makes of the trailers. */
const tampered: readonly (readonly [name: string, edit: (request: string) => string])[] = [
  ["the wrong digest", (request) => request.replace(`Md5: ${digest}`, `Md5: ${"0".repeat(32)}`)],
  ["the wrong size", (request) => request.replace(`Size: ${content.length}`, `Size: ${content.length + 1}`)],
  ["trailers announced and missing", (request) => request.replace(/\r\n0\r\n.*$/s, "\r\n0\r\n\r\n")],
  [
    "no trailers at all",
    (request) => request.replace(/\r\nTrailer: [^\r]*/i, "").replace(/\r\n0\r\n.*$/s, "\r\n0\r\n\r\n"),
  ],
  ["damaged content", (request) => request.replace(content.toString(), content.toString().toUpperCase())],
];

describe.each(peers)("trailsum upload to $name", ({ present, serve }) => {
  beforeAll(() => (present ? buildGoPeers() : undefined));

  test.skipIf(!present)("is checked there by the trailers", async () => {
    const { origin, seen } = await serve();
    const file = await fileOf();
    const { exitCode, stdout, stderr } = await trailsum(["upload", file, `${origin}/it`, "--json"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    // It says yes, and not what it received.
    expect(JSON.parse(stdout)).toMatchObject({ status: 200, size: content.length, confirmedBy: "none" });
    expect(await seen()).toEqual([
      {
        method: "PUT",
        path: "/it",
        protocol: "HTTP/1.1",
        announced: ["Content-Digest", "Md5", "Size"],
        trailers: {
          Md5: digest,
          Size: "42",
          "Content-Digest": `sha-256=:${base64Of("sha256", content)}:, md5=:${base64Of("md5", content)}:`,
        },
        size: 42,
        digest,
      },
    ]);
  });

  test.skipIf(!present)("is refused there when a hop on the way has changed it", async () => {
    const { origin, seen } = await serve();
    const file = await fileOf();
    const results = await inLanes(
      tampered,
      () => startHop(origin),
      async ([name, edit], hop) => {
        hop.plan = { edit };
        const { exitCode, stdout, stderr } = await trailsum(["upload", file, `${hop.origin}/it`]);
        return [name, exitCode, stdout, stderr.replace(hop.origin, "")];
      },
    );
    // A bare 400 does not say that it is about integrity.
    const sentence = "trailsum: /it: the server answered 400 Bad Request\n";
    expect(results).toEqual(tampered.map(([name]) => [name, 4, "", sentence]));
    expect(await seen()).toHaveLength(tampered.length);
  });

  test.skipIf(!present)("ends with 3 when the server gives up on it, as the article's does", async () => {
    const { origin } = await serve();
    const hop = await startHop(origin);
    hop.plan = { edit: tampered[0]![1] };
    const { exitCode, stdout, stderr } = await trailsum(["upload", await fileOf(), `${hop.origin}/panics`]);
    expect([exitCode, stdout]).toEqual([3, ""]);
    expect(stderr).toMatch(/^trailsum: \S+: the connection was .*\n$/);
  });
});
