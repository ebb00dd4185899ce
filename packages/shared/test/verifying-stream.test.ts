import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  type Algorithm,
  allAlgorithms,
  createVerifyingStream,
  decideVerdict,
  type Digests,
  FieldLines,
  type Verdict,
} from "../src/index.ts";
import { computed, content, digestsOf, lines, values } from "./message.ts";

const judge =
  (trailer: FieldLines) =>
  (found: Digests): Verdict =>
    decideVerdict({ header: FieldLines.empty, trailer, computed: found });

const good = judge(lines(["Md5", values.Md5.right]));
const bad = judge(lines(["Md5", values.Md5.wrong]));

/** A place that counts what comes, and whether it came to an end. */
function sink(): Writable & { readonly seen: Buffer[] } {
  const seen: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      seen.push(chunk);
      done();
    },
  });
  return Object.assign(stream, { seen });
}

describe("a verifying stream", () => {
  test("hands any bytes on unchanged in any chunking, and computes what they are", async () => {
    const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(chunks, async (pieces) => {
        const whole = Buffer.concat(pieces);
        const found = await digestsOf(whole);
        const judged: Digests[] = [];
        const stream = createVerifyingStream({
          algorithms: allAlgorithms,
          decide(digests) {
            judged.push(digests);
            return judge(lines(["Md5", found.values.get("md5")!.toString("hex")]))(digests);
          },
        });
        const out = sink();
        await pipeline(Readable.from(pieces, { objectMode: false }), stream, out);
        expect(Buffer.concat(out.seen)).toEqual(whole);
        expect(judged).toEqual([found]);
        expect((await stream.verdict).name).toBe("verified");
      }),
    );
  });

  test("judges only when the source has ended, for the trailers come last", async () => {
    let ended = false;
    const source = async function* (): AsyncGenerator<Buffer> {
      yield content.subarray(0, 7);
      yield content.subarray(7);
      ended = true;
    };
    const stream = createVerifyingStream({
      algorithms: ["md5"],
      decide(digests) {
        expect(ended).toBe(true);
        return good(digests);
      },
    });
    await pipeline(source, stream, sink());
    expect(await stream.verdict).toMatchObject({ name: "verified", computed: { size: computed.size } });
  });

  test("never comes to its end after a bad verdict, though all bytes have passed", async () => {
    const stream = createVerifyingStream({ algorithms: ["md5"], decide: bad });
    const out = sink();
    let ended = false;
    stream.once("end", () => (ended = true));
    await expect(pipeline(Readable.from([content]), stream, out)).rejects.toMatchObject({ code: "DIGEST_MISMATCHED" });
    expect((await stream.verdict).name).toBe("mismatched");
    expect(Buffer.concat(out.seen)).toEqual(content);
    expect([ended, stream.readableEnded, out.writableFinished, out.destroyed]).toEqual([false, false, false, true]);
  });

  test.each([
    ["DIGEST_MALFORMED", lines(["Md5", "x"])],
    ["SIZE_MISMATCHED", lines(["Size", "1"])],
    ["DIGEST_UNVERIFIED", FieldLines.empty],
  ])("fails with %s where that is the verdict", async (code, trailer) => {
    const stream = createVerifyingStream({ algorithms: ["md5"], decide: judge(trailer) });
    await expect(pipeline(Readable.from([content]), stream, sink())).rejects.toMatchObject({ code });
  });

  test("lets other verdicts through to the end where that is accepted", async () => {
    const accept = ({ name }: Verdict): boolean => name === "unverified";
    const lenient = createVerifyingStream({ algorithms: [], decide: judge(FieldLines.empty), accept });
    await pipeline(Readable.from([content]), lenient, sink());
    expect((await lenient.verdict).name).toBe("unverified");
    const strict = createVerifyingStream({ algorithms: ["md5"], decide: bad, accept });
    await expect(pipeline(Readable.from([content]), strict, sink())).rejects.toThrow("not what was sent");
  });

  test("takes empty content like any other", async () => {
    const stream = createVerifyingStream({ algorithms: ["md5"], decide: judge(lines(["Size", "0"], ["Md5", ""])) });
    await expect(pipeline(Readable.from([]), stream, sink())).rejects.toMatchObject({ code: "DIGEST_MALFORMED" });
  });
});

describe("a verifying stream that cannot come to a verdict", () => {
  const unhandled = async (action: () => void | Promise<void>): Promise<unknown[]> => {
    const reasons: unknown[] = [];
    const note = (reason: unknown): number => reasons.push(reason);
    process.on("unhandledRejection", note);
    await action();
    // Node reports unhandled rejections once the microtasks of a turn are done.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    return reasons;
  };

  test("because deciding failed, fails with that error, in both places", async () => {
    const stream = createVerifyingStream({
      algorithms: ["md5"],
      decide() {
        throw new RangeError("no idea");
      },
    });
    const error = { code: "INTERNAL", message: "no idea", cause: expect.any(RangeError) };
    await expect(pipeline(Readable.from([content]), stream, sink())).rejects.toMatchObject(error);
    await expect(stream.verdict).rejects.toMatchObject(error);
  });

  test("because accepting failed, fails with that error and has its verdict all the same", async () => {
    const stream = createVerifyingStream({
      algorithms: ["md5"],
      decide: good,
      accept() {
        throw new RangeError("no idea");
      },
    });
    await expect(pipeline(Readable.from([content]), stream, sink())).rejects.toThrow("no idea");
    expect((await stream.verdict).name).toBe("verified");
  });

  test("because there is no such algorithm, fails before the first byte", async () => {
    const stream = createVerifyingStream({ algorithms: ["nonsense" as Algorithm], decide: good });
    await expect(pipeline(Readable.from([content]), stream, sink())).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(stream.verdict).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("because it was destroyed, rejects, and says that content was abandoned", async () => {
    const stream = createVerifyingStream({ algorithms: ["md5"], decide: good });
    stream.write(content);
    stream.destroy();
    await expect(stream.verdict).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });

  test("because its source broke, rejects with the error of the source, and never judges", async () => {
    const stream = createVerifyingStream({ algorithms: ["md5"], decide: () => expect.unreachable() });
    const source = async function* (): AsyncGenerator<Buffer> {
      yield content;
      throw new Error("the line was cut");
    };
    await expect(pipeline(source, stream, sink())).rejects.toThrow("the line was cut");
    await expect(stream.verdict).rejects.toThrow("the line was cut");
  });

  test.each([
    ["destroyed at once", 0],
    ["destroyed after some bytes", 5],
  ])("an unused verdict causes no unhandled rejection: %s", async (_when, bytes) => {
    const reasons = await unhandled(async () => {
      const stream = createVerifyingStream({ algorithms: ["md5"], decide: good });
      const closed = new Promise((resolve) => stream.once("close", resolve));
      if (bytes > 0) stream.write(content.subarray(0, bytes));
      stream.destroy();
      await closed;
    });
    expect(reasons).toEqual([]);
  });

  test("an unused verdict causes no unhandled rejection: after a bad verdict or a failed one", async () => {
    const reasons = await unhandled(async () => {
      const fail = (): Verdict => {
        throw new Error("not what was sent, or something else");
      };
      for (const decide of [bad, fail]) {
        const stream = createVerifyingStream({ algorithms: ["md5"], decide });
        await expect(pipeline(Readable.from([content]), stream, sink())).rejects.toThrow("not what was sent");
      }
    });
    expect(reasons).toEqual([]);
  });
});
