import { availableParallelism } from "node:os";

import { expect, test } from "vitest";

import { createStreamDigester } from "../src/index.ts";
import { giveRingBack, PIECE, takePiece, takeRing } from "../src/digest-memory.ts";

test("pieces that are in use share no memory, and are used again afterwards", () => {
  const pieces = Array.from({ length: 100 }, () => takePiece());
  for (const [at, { bytes }] of pieces.entries()) bytes.fill(at);
  for (const [at, { bytes }] of pieces.entries()) {
    expect(bytes.byteLength).toBe(PIECE);
    expect(bytes.every((byte) => byte === at)).toBe(true);
  }
  const buffers = new Set(pieces.map(({ bytes }) => bytes.buffer));
  // A slab of a mebibyte for 32 pieces.
  expect(buffers.size).toBe(4);
  for (const piece of pieces) piece.giveBack();
  expect(buffers).toContain(takePiece().bytes.buffer);
});

test("slabs that nothing uses are released but for four", () => {
  const pieces = Array.from({ length: 32 * 20 }, () => takePiece());
  const buffers = new Set(pieces.map(({ bytes }) => bytes.buffer));
  for (const piece of pieces) piece.giveBack();
  const again = Array.from({ length: 32 * 20 }, () => takePiece());
  const kept = new Set(again.map(({ bytes }) => bytes.buffer).filter((buffer) => buffers.has(buffer)));
  expect(kept.size).toBeLessThanOrEqual(5);
  for (const piece of again) piece.giveBack();
});

test("there are eight rings and no more", () => {
  const rings = Array.from({ length: 9 }, () => takeRing());
  expect(rings.slice(0, 8)).not.toContain(undefined);
  expect(rings[8]).toBeUndefined();
  giveRingBack(rings[0]!);
  expect(takeRing()).toBe(rings[0]);
});

test.skipIf(availableParallelism() === 1)("content that is given up gives all its memory back", async () => {
  const before = Array.from({ length: 64 }, () => takePiece());
  const buffers = new Set(before.map(({ bytes }) => bytes.buffer));
  for (const piece of before) piece.giveBack();
  const digesters = await Promise.all(Array.from({ length: 20 }, () => createStreamDigester(["md5"])));
  const updates = digesters.map(async (digester) => digester.update(new Uint8Array(3 * PIECE)));
  for (const digester of digesters) digester.close();
  const after = Array.from({ length: 64 }, () => takePiece());
  for (const { bytes } of after) expect(buffers).toContain(bytes.buffer);
  for (const piece of after) piece.giveBack();
  void updates;
});
