import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";

import { createMemoryStore } from "../src/index.ts";
import { protocols } from "./http2-peer.ts";
import { etag, exchange, handle, md5, readObject, request, upload } from "./peer.ts";
import { put } from "./store-contract.ts";

const RUNS = Number(process.env["CONDITION_RUNS"] ?? 25);

const METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"] as const;
const TAGS = ["current", "weak", "other", "any", "list"] as const;
const DATES = ["before", "after"] as const;

interface Operation {
  readonly method: (typeof METHODS)[number];
  readonly ifMatch?: (typeof TAGS)[number] | undefined;
  readonly ifNoneMatch?: (typeof TAGS)[number] | undefined;
  readonly ifUnmodifiedSince?: (typeof DATES)[number] | undefined;
  readonly ifModifiedSince?: (typeof DATES)[number] | undefined;
  /** A range, and what makes it conditional. */
  readonly range?: "always" | "if current" | "if other" | undefined;
}

const sometimes = <T>(values: readonly T[]): fc.Arbitrary<T | undefined> =>
  fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });

const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.record({
    method: fc.constantFrom(...METHODS),
    ifMatch: sometimes(TAGS),
    ifNoneMatch: sometimes(TAGS),
    ifUnmodifiedSince: sometimes(DATES),
    ifModifiedSince: sometimes(DATES),
    range: sometimes(["always", "if current", "if other"] as const),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Whether a list of tags names what is there. A weak tag does so only by weak comparison (section 8.8.3.2). */
function names(tags: (typeof TAGS)[number], comparison: "strong" | "weak"): boolean {
  return tags !== "other" && (tags !== "weak" || comparison === "weak");
}

/** The status that RFC 9110 demands, and nothing of the code that is tested. `exists` says whether an object is there. */
function expectedStatus(operation: Operation, exists: boolean): number {
  const { method, ifMatch, ifNoneMatch, ifUnmodifiedSince, ifModifiedSince, range } = operation;
  const reads = method === "GET" || method === "HEAD";
  // Section 13.2.1: nothing is evaluated where the answer would be an error anyway.
  if (!exists && (reads || method === "DELETE")) return 404;
  // Section 13.2.2, steps 1 to 4.
  if (ifMatch !== undefined) {
    if (!exists || !names(ifMatch, "strong")) return 412;
  } else if (ifUnmodifiedSince === "before" && exists) return 412;
  if (ifNoneMatch !== undefined) {
    if (exists && names(ifNoneMatch, "weak")) return reads ? 304 : 412;
  } else if (reads && ifModifiedSince === "after") return 304;
  if (method === "DELETE") return 204;
  if (!reads) return exists ? 200 : 201;
  // Step 5. A range of HEAD has no meaning (section 14.2).
  return method === "GET" && (range === "always" || range === "if current") ? 206 : 200;
}

function fieldsOf(operation: Operation, current: string): string[] {
  const tags = { current, weak: `W/${current}`, other: '"other"', any: "*", list: `"other", ${current}` };
  const date = (when: (typeof DATES)[number]): string =>
    new Date(Date.now() + (when === "before" ? -3_600_000 : 3_600_000)).toUTCString();
  const { method, ifMatch, ifNoneMatch, ifUnmodifiedSince, ifModifiedSince, range } = operation;
  const fields: (string | undefined)[] = [
    ifMatch && `If-Match: ${tags[ifMatch]}`,
    ifNoneMatch && `If-None-Match: ${tags[ifNoneMatch]}`,
    ifUnmodifiedSince && `If-Unmodified-Since: ${date(ifUnmodifiedSince)}`,
    ifModifiedSince && `If-Modified-Since: ${date(ifModifiedSince)}`,
  ];
  if (range !== undefined && (method === "GET" || method === "HEAD")) {
    fields.push("Range: bytes=0-0");
    if (range !== "always") fields.push(`If-Range: ${range === "if current" ? current : '"other"'}`);
  }
  return fields.filter((field) => field !== undefined);
}

test.each(protocols)(
  "conditions of any requests are evaluated as RFC 9110 section 13.2.2 says, over %s",
  async (_p, via) => {
    const store = createMemoryStore();
    const { port } = await via.handle({ store });
    await fc.assert(
      fc.asyncProperty(operations, async (sequence) => {
        await store.remove("it");
        let stored: Buffer | undefined;
        for (const [at, operation] of sequence.entries()) {
          const { method } = operation;
          const isUpload = method === "PUT" || method === "POST";
          const next = Buffer.from(`version ${at}`);
          const fields = fieldsOf(operation, etag(stored ?? Buffer.from("never there")));
          const sent = isUpload ? [...fields, `Md5: ${md5(next)}`, `Content-Length: ${next.length}`] : fields;
          const bytes = request(`${method} /it`, sent, isUpload ? next : "");
          // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
          const answer = await via.exchange(port, bytes, { head: method === "HEAD" });
          const status = expectedStatus(operation, stored !== undefined);
          expect([operation, answer.status]).toEqual([operation, status]);
          const whole = status === 200 && method === "GET" ? stored : undefined;
          const part = status === 206 ? stored?.subarray(0, 1) : undefined;
          const content = whole ?? part ?? answer.message.body;
          expect(answer.message.body).toEqual(content);
          if (isUpload && status < 300) stored = next;
          if (status === 204) stored = undefined;
          // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
          expect(await readObject(store, "it")).toEqual(stored);
        }
      }),
      { numRuns: RUNS },
    );
  },
);

test("16 clients that update and remove one object by If-Match lose no update", async () => {
  const store = createMemoryStore();
  const { port, settled } = await handle({ store });
  onTestFinished(settled);
  await put(store, "it", Buffer.from("0"));
  let removed = 0;
  /** Adds one to the number, or takes the object away and remembers the number. */
  const change = async (_: unknown, at: number): Promise<void> => {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- until no one else was first
      const before = await exchange(port, request("GET /it"));
      const current = before.status === 404 ? 0 : Number(before.message.body.toString());
      const condition = before.status === 404 ? "If-None-Match: *" : `If-Match: ${before.field("ETag")}`;
      const removes = at % 4 === 0;
      if (removes && before.status === 404) return;
      // oxlint-disable-next-line no-await-in-loop -- until no one else was first
      const answer = removes
        ? await exchange(port, request("DELETE /it", [condition]))
        : await exchange(port, upload("/it", Buffer.from(String(current + 1)), [condition]));
      if (answer.status < 300) {
        if (removes) removed += current;
        return;
      }
      expect([404, 412]).toContain(answer.status);
    }
  };
  await Promise.all(Array.from({ length: 16 }, change));
  const left = Number((await readObject(store, "it"))?.toString() ?? 0);
  expect(removed + left).toBe(12);
});
