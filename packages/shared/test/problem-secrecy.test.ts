import * as fc from "fast-check";
import { expect, test } from "vitest";

import { decideVerdict, type Digests, verdictError, verdictProblem } from "../src/index.ts";
import { computed, lines } from "./message.ts";
import { randomMessage } from "./random-message.ts";

/** Every way in which someone might write down what was computed. */
function secrets({ size, values }: Digests): string[] {
  const digests = [...values.values()].flatMap((digest) => {
    const hex = digest.toString("hex");
    return [hex, hex.toUpperCase(), digest.toString("base64"), digest.toString("base64url"), JSON.stringify(digest)];
  });
  return [String(size), ...digests];
}

test("whatever a message says, the answer to it never reports what was computed", () => {
  // A size that can be in the text only if it was copied there, and that no claim in the messages names.
  const found: Digests = { size: 8_675_309_421, values: computed.values };
  fc.assert(
    fc.property(randomMessage, ({ evidence }) => {
      const verdict = decideVerdict({ ...evidence, computed: found });
      const error = verdictError(verdict);
      const reported = JSON.stringify(verdictProblem(verdict)) + error.message + JSON.stringify(error);
      const provided = verdict.checked
        .filter(({ holds }) => !holds)
        .map(({ of }) => ("size" in of ? of.size : of.digest));
      expect(provided).not.toContainEqual(found.size);
      expect(secrets(found).filter((secret) => reported.includes(secret))).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

test("a wrong digest that begins as the right one does is returned, and no more than was sent", () => {
  fc.assert(
    fc.property(fc.nat(15), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const md5 = Buffer.from(computed.values.get("md5")!);
      md5[at]! ^= change;
      const verdict = decideVerdict({ header: lines(["Md5", md5.toString("hex")]), computed });
      const problem = verdictProblem(verdict);
      expect(problem).toMatchObject({ mismatched_digests: [{ provided_digest: `:${md5.toString("base64")}:` }] });
      expect(problem.detail).not.toMatch(/[0-9a-f]{8}/);
    }),
  );
});
