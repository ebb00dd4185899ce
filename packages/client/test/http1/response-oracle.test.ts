import { cuts } from "@trailsum/testkit/random-http1";
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { mutatedResponse } from "./mutated-response.ts";
import { readByNode } from "./node-oracle.ts";
import { validResponse } from "./random-response.ts";
import { readByUs } from "./reading.ts";

/** More of them, to look for what a usual run does not find: `ORACLE_RUNS=100000`. */
const runs = Number(process.env["ORACLE_RUNS"] ?? 2_000);

test("valid responses are accepted, and mean what they mean to Node's parser", async () => {
  await fc.assert(
    fc.asyncProperty(validResponse, async ({ text, method }) => {
      const bytes = Buffer.from(text, "latin1");
      const { error, ...ours } = readByUs([bytes], method);
      expect(error).toBeUndefined();
      expect(ours.trailers).toBeDefined();
      expect(ours).toEqual(await readByNode(bytes, method));
    }),
    { numRuns: runs / 2 },
  );
});

test("whatever is accepted of a mutated response, Node's parser accepts with the same meaning", async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(mutatedResponse, async ({ text, method }) => {
      const bytes = Buffer.from(text, "latin1");
      const ours = readByUs([bytes], method);
      if (ours.head === undefined) return;
      const node = await readByNode(bytes, method);
      // A head was handed over, whatever comes of the rest.
      expect(ours.head).toEqual(node.head);
      expect(ours.interims).toEqual(node.interims);
      if (ours.trailers === undefined) return;
      accepted += 1;
      expect({ body: ours.body, trailers: ours.trailers }).toEqual({ body: node.body, trailers: node.trailers });
    }),
    { numRuns: runs * 2 },
  );
  // Or the property would say nothing.
  expect(accepted).toBeGreaterThan(runs / 10);
});

test("cut into any pieces, with any pauses, a response is read as in one piece", () => {
  fc.assert(
    fc.property(
      fc.oneof(validResponse, mutatedResponse),
      cuts,
      fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
      ({ text, method }, cut, rhythm) => {
        const bytes = Buffer.from(text, "latin1");
        const whole = readByUs([bytes], method);
        let turn = 0;
        const inPieces = readByUs(cut(bytes), method, () => rhythm[turn++ % rhythm.length]!);
        expect({ ...inPieces, error: undefined }).toEqual({ ...whole, error: undefined });
        expect(inPieces.error === undefined).toBe(whole.error === undefined);
      },
    ),
    { numRuns: runs },
  );
});
