import { expect, test } from "vitest";

import { paths } from "../src/paths/paths.ts";
import { walkPath } from "../src/paths/walk-path.ts";

const killing = paths.find(({ name }) => name === "a hop that kills the connection at trailers")!;
const SIZE = 300_000;

test("a pipe gets through a hop that kills the connection at trailers, and is sent once", async () => {
  const { report, intact, requests, sent, result } = await walkPath(killing, { size: SIZE });
  expect(result.stderr).toBe("");
  expect([report?.confirmedBy, report?.delivery.mode, intact]).toEqual(["server", "two-step", true]);
  expect(requests?.map((line) => line.replace(/[\da-f]{32}/, "ID"))).toEqual([
    "OPTIONS /it",
    "PUT /it",
    "PATCH /.trailsum/uploads/ID",
  ]);
  expect(sent).toBeLessThan(1.05);
});

test("a bit that is flipped after that hop is found, and nothing is stored", async () => {
  const { result, intact, flips } = await walkPath(killing, { size: SIZE, flip: true });
  expect([result.exitCode, intact, flips]).toEqual([6, undefined, 1]);
});
