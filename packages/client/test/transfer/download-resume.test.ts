import type { FieldLine } from "@trailsum/shared";
import { describe, expect, test } from "vitest";

import type { Progress } from "../../src/index.ts";
import { content, cut, digest, md5, other, outcome, part, ranges, tag, whole } from "./broken-off.ts";
import { wireResponse } from "./peers.ts";

describe("a download that was cut short continues where it was", () => {
  test("under a strong tag, and the whole is verified", async () => {
    const progress: Progress[] = [];
    const onProgress = (one: Progress): void => void progress.push(one);
    const { result, asked, file } = await outcome([cut([tag, digest]), part(4, 10, [tag, digest])], { onProgress });
    expect(ranges(asked)).toEqual(["", 'bytes=4- "one"']);
    expect(file).toBe(content);
    expect(result).toMatchObject({ status: 206, verdict: { name: "verified", computed: { size: 10 } } });
    expect(progress.at(-1)).toEqual({ transferred: 10, total: 10, phase: "verifying" });
    expect(progress.map(({ phase }) => phase)).toEqual(["transferring", "retrying", "resuming", "verifying"]);
    expect(progress.every(({ total }) => total === 10)).toBe(true);
  });

  test("by what the first answer said of it, where the second says nothing", async () => {
    const { result, file } = await outcome([cut([tag, ["Content-Digest", md5(content)]]), part(4, 10)]);
    expect(file).toBe(content);
    expect(result).toMatchObject({ verdict: { name: "verified" } });
  });

  test("and a Content-Digest of the part is no Content-Digest of the whole", async () => {
    const ofPart: FieldLine = ["Content-Digest", md5(content.slice(4))];
    const { result } = await outcome([cut([tag, digest]), part(4, 10, [ofPart])]);
    expect(result).toMatchObject({ verdict: { name: "verified" } });
  });

  test("more than once, also where the server gives less than the rest", async () => {
    const parts = [cut([tag, digest], 2), part(2, 5, [tag]), part(5, 10, [tag])];
    const { result, asked, file } = await outcome(parts);
    expect(ranges(asked)).toEqual(["", 'bytes=2- "one"', 'bytes=5- "one"']);
    expect(file).toBe(content);
    expect(result).toMatchObject({ verdict: { name: "verified" } });
  });

  test("past an answer that has nothing to do with it", async () => {
    const busy = wireResponse("503 Service Unavailable", [["Content-Length", "0"]]);
    const { asked, file } = await outcome([cut([tag, digest]), busy, part(4, 10)]);
    expect(ranges(asked)).toEqual(["", 'bytes=4- "one"', 'bytes=4- "one"']);
    expect(file).toBe(content);
  });

  test("where nothing could verify it from the start, and stays unverified", async () => {
    const { result, asked, file } = await outcome([cut([tag]), part(4, 10, [["Content-Digest", md5("456789")]], "*")]);
    expect(ranges(asked)[1]).toBe('bytes=4- "one"');
    expect(file).toBe(content);
    expect(result).toMatchObject({ verdict: { name: "unverified" } });
  });

  test("and a whole that is not what the first answer announced is refused, then fetched anew", async () => {
    const wrong: FieldLine = ["Repr-Digest", md5(other)];
    const { asked, file, result } = await outcome([cut([tag, wrong]), part(4, 10), whole([digest])]);
    expect(ranges(asked)).toEqual(["", 'bytes=4- "one"', ""]);
    expect(file).toBe(content);
    expect(result).toMatchObject({ status: 200, verdict: { name: "verified" } });
  });
});

describe("a download that was cut short starts over, without ranges, when it is sent", () => {
  const others: readonly [what: string, answer: string][] = [
    ["another start", part(5, 10, [tag])],
    ["the start of the whole", part(0, 10, [tag])],
    ["another tag", part(4, 10, [["ETag", '"two"']])],
    ["another size of the whole", part(4, 10, [tag], "12")],
    ["a part of no known place", wireResponse("206 Partial Content", [["Content-Length", "6"]], content.slice(4))],
  ];
  test("another part than the one asked for", async () => {
    const outcomes = others.map(async ([what, answer]) => {
      const { result, asked, file } = await outcome([cut([tag, digest]), answer, whole([digest])], { retries: 1 });
      expect({ what, ranges: ranges(asked), file }).toEqual({
        what,
        ranges: ["", 'bytes=4- "one"', ""],
        file: content,
      });
      expect(result).toMatchObject({ status: 200, verdict: { name: "verified" } });
    });
    await Promise.all(outcomes);
  });

  test("a part again without asking for one, which is refused", async () => {
    const answer = part(5, 10, [tag]);
    const { result, names } = await outcome([cut([tag, digest]), answer, answer], { retries: 1 });
    expect(result).toMatchObject({ code: "REFUSED" });
    expect(names).toEqual([]);
  });
});

describe("a download that was cut short is refused, and leaves nothing, when it goes on with", () => {
  test("other bytes under the same tag", async () => {
    const { result, names } = await outcome([cut([tag, digest], 4, other), part(4, 10, [tag])]);
    expect(result).toMatchObject({ code: "DIGEST_MISMATCHED" });
    expect(names).toEqual([]);
  });

  test("two digests of the whole that differ", async () => {
    const { result, names } = await outcome([cut([tag, digest]), part(4, 10, [["Repr-Digest", md5(other)]])]);
    expect(result).toMatchObject({ code: expect.stringMatching(/^DIGEST_M/) });
    expect(names).toEqual([]);
  });

  test("too little, to the last", async () => {
    const { result, names } = await outcome([cut([tag, digest]), part(4, 6, [tag])]);
    expect(result).toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("6 of 10 bytes") });
    expect(names).toEqual([]);
  });
});
