import { cuts } from "@trailsum/testkit/random-http1";
import * as fc from "fast-check";
import { expect, test } from "vitest";

import { isKnownToNode, readByNode } from "./node-oracle.ts";
import { mutatedRequests, validRequests } from "./random-request.ts";
import { type OurReading, readByUs, type RequestRead } from "./reading.ts";

/** More of them, to look for what a usual run does not find: `ORACLE_RUNS=100000`. */
const runs = Number(process.env["ORACLE_RUNS"] ?? 1_000);

/**
 * The requests up to the first that Node cannot be asked about, and to the first after which it expects none: it also
 * heeds a `Connection` that stands among the trailers.
 */
function comparable({ requests, heads }: OurReading): RequestRead[] {
  const compared: RequestRead[] = [];
  for (const [at, request] of requests.entries()) {
    const { method, persistent, connection } = heads[at]!;
    if (!isKnownToNode(method) || method === "CONNECT") break;
    compared.push(request);
    if (!persistent || connection.includes("upgrade")) break;
    if (request.trailers?.some((name) => /^(?:proxy-)?connection$/i.test(name)) === true) break;
  }
  return compared;
}

test("valid requests are accepted, and mean what they mean to Node's parser", async () => {
  await fc.assert(
    fc.asyncProperty(validRequests, async (text) => {
      const bytes = Buffer.from(text, "latin1");
      const reading = readByUs([bytes]);
      expect(reading.error).toBeUndefined();
      expect(reading.requests.at(-1)?.trailers).toBeDefined();
      const ours = comparable(reading);
      const node = await readByNode(bytes);
      expect(ours).toEqual(node.slice(0, ours.length));
    }),
    { numRuns: runs / 2 },
  );
});

test("whatever is accepted of mutated requests, Node's parser accepts with the same meaning", async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(mutatedRequests, async (text) => {
      const bytes = Buffer.from(text, "latin1");
      const ours = comparable(readByUs([bytes]));
      if (ours.length === 0) return;
      const node = await readByNode(bytes);
      for (const [at, { body, trailers, ...head }] of ours.entries()) {
        // A head was handed over, whatever comes of the rest.
        expect(node[at]).toMatchObject(head);
        if (trailers === undefined) continue;
        accepted += 1;
        expect(node[at]).toMatchObject({ body, trailers });
      }
    }),
    { numRuns: runs * 2 },
  );
  // Or the property would say nothing.
  expect(accepted).toBeGreaterThan(runs / 10);
});

test("cut into any pieces, with any pauses, requests are read as in one piece", () => {
  fc.assert(
    fc.property(
      fc.oneof(validRequests, mutatedRequests),
      cuts,
      fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
      (text, cut, rhythm) => {
        const bytes = Buffer.from(text, "latin1");
        const whole = readByUs([bytes]);
        let turn = 0;
        const inPieces = readByUs(cut(bytes), () => rhythm[turn++ % rhythm.length]!);
        expect(inPieces.heads).toEqual(whole.heads);
        expect(inPieces.requests).toEqual(whole.requests);
        // What is wrong in two ways may be refused for the other one.
        expect(inPieces.error === undefined).toBe(whole.error === undefined);
      },
    ),
    { numRuns: runs },
  );
});
