import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { beforeAll, describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { content, md5 } from "./support/content.ts";
import { buildGoPeers } from "./support/go-peers.ts";
import { inLanes } from "./support/lanes.ts";
import { peers } from "./support/peers.ts";
import { filesBelow } from "./support/serving.ts";
import { type TrailerCase, type TrailerCaseName, trailerCases } from "./support/trailer-case.ts";

const trailsum = commandProcess();

/** How `trailsum download` ends in each case. */
const exits: Readonly<Record<TrailerCaseName, number>> = {
  "digest and size": 0,
  "a wrong digest": 6,
  "a wrong size": 6,
  "a digest announced and missing": 7,
  "a size announced and missing": 7,
  "both announced and missing": 7,
  "digest and size, unannounced": 0,
  "no trailers at all": 0,
};

const query = ({ md5: digest, size, announced }: TrailerCase): string =>
  `md5=${digest}&size=${size}&announced=${announced}`;

describe.each(peers)("trailsum download from $name", ({ present, serve }) => {
  beforeAll(() => (present ? buildGoPeers() : undefined));

  test.skipIf(!present)("keeps what is right, and leaves nothing of what is not", async () => {
    const { origin } = await serve();
    const directory = await tempDir();
    const sentence: unknown = expect.stringMatching(/^trailsum: .*\n$/);
    const results = await inLanes(
      Object.entries(trailerCases),
      async () => {},
      async ([name, reported]) => {
        const args = ["download", `${origin}/it?${query(reported)}`, "-o", name];
        const { exitCode, stdout, stderr } = await trailsum(args, { cwd: directory });
        return [name, { exitCode, stdout, complaint: exitCode === 0 ? "" : stderr }] as const;
      },
    );
    // A result or a sentence, and never both.
    const expected = Object.entries(exits).map(([name, exitCode]) => [
      name,
      exitCode === 0
        ? { exitCode, stdout: `${md5(content)}  ${name}\n`, complaint: "" }
        : { exitCode, stdout: "", complaint: sentence },
    ]);
    expect(Object.fromEntries(results)).toEqual(Object.fromEntries(expected));
    const kept = ["digest and size", "digest and size, unannounced", "no trailers at all"];
    expect(await filesBelow(directory)).toEqual(kept);
    for (const name of kept) expect(await readFile(join(directory, name))).toEqual(content);
  });

  test.skipIf(!present)("keeps what is bare with a warning, and not with --require verified", async () => {
    const { origin } = await serve();
    const directory = await tempDir();
    const url = `${origin}/it?${query(trailerCases["no trailers at all"])}`;
    const warned = await trailsum(["download", url], { cwd: directory });
    expect([warned.exitCode, warned.stdout]).toEqual([0, `${md5(content)}  it\n`]);
    expect(warned.stderr).toBe(
      `trailsum: warning: ${url.replaceAll(/=\w+/g, "=***")} sent no digest: kept unverified (--require verified rejects this)\n`,
    );
    const refused = await trailsum(["download", url, "-o", "again", "--require", "verified"], { cwd: directory });
    expect([refused.exitCode, refused.stdout]).toEqual([7, ""]);
    expect(refused.stderr).toMatch(/^trailsum: no digest was sent to verify the content: .*\n$/);
    expect(await filesBelow(directory)).toEqual(["it"]);
  });
});
