import type { Readable } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { deadline, until } from "./deadline.ts";
import { FeedSource } from "./feed-source.ts";

const MiB = 1024 * 1024;
const patience = 20_000;

/** One exported stream, wired up for one test. */
export interface StreamSubject {
  /** The stream under test: its reading end. */
  readonly stream: Readable;
  /** Arranges a bad verdict for what `source` will bring. Called before the source is offered anything. Left out: no such test. */
  spoil?(): void | Promise<void>;
  /** Called when the test is over, after stream and source have been destroyed. */
  cleanup?(): void | Promise<void>;
}

/** How `streamContract` makes and judges its subjects. */
export interface StreamContractOptions {
  /** Makes a new subject that is fed from `source` and from nothing else; without `spoil`, its verdict on a whole source is good. */
  create(source: FeedSource): StreamSubject | Promise<StreamSubject>;
  /** The most bytes that may be taken from the source while no one reads. Default: 1 MiB; more if sockets lie in between. */
  readonly bound?: number;
  /** What the source gives, over and over. Default: 64 KiB. */
  chunk?(): Buffer;
}

/**
 * Registers the tests that every stream which this project exports must pass: bounded memory without a reader, errors and cuts
 * of the source surface as errors, destruction reaches the source, and nothing that did not verify ever comes to a clean end.
 */
export function streamContract(name: string, options: StreamContractOptions): void {
  const wire = async (): Promise<{ source: FeedSource; subject: StreamSubject; stream: Readable }> => {
    const source = new FeedSource(options.chunk?.());
    source.on("error", () => {});
    const subject = await options.create(source);
    const { stream } = subject;
    onTestFinished(async () => {
      stream.on("error", () => {}).destroy();
      source.destroy();
      await subject.cleanup?.();
    });
    return { source, subject, stream };
  };

  describe(`${name} keeps the contract of streams`, () => {
    test("a whole source comes to a clean end", async () => {
      const { source, stream } = await wire();
      source.offer(MiB);
      source.finish();
      expect(await outcome(stream)).toBe("end");
    });

    test("with no reader, it takes no more than it may from the source", async () => {
      const { source, stream } = await wire();
      stream.on("error", () => {});
      source.offer(64 * MiB);
      await settled(() => source.produced);
      expect(source.produced).toBeLessThanOrEqual(options.bound ?? MiB);
    });

    test.each([
      ["before the first byte", 0],
      ["in the middle", MiB],
    ])("an error of the source %s is an error of the stream, never its end", async (_when, bytes) => {
      const { source, stream } = await wire();
      const result = outcome(stream);
      source.offer(bytes);
      await settled(() => source.produced);
      source.destroy(new Error("the source broke"));
      expect(await result).toBeInstanceOf(Error);
    });

    test("a source that closes early is an error of the stream, never its end", async () => {
      const { source, stream } = await wire();
      const result = outcome(stream);
      source.offer(MiB);
      await settled(() => source.produced);
      source.destroy();
      expect(await result).toBeInstanceOf(Error);
    });

    test("a source that breaks while no one reads is an error of the stream, never its end", async () => {
      const { source, stream } = await wire();
      const error = new Promise((resolve) => stream.once("error", resolve));
      source.offer(MiB);
      await settled(() => source.produced);
      source.destroy(new Error("the source broke"));
      // Buffered bytes may have to be read before the error is met.
      stream.resume();
      const end = new Promise((resolve) => stream.once("end", () => resolve("end")));
      const result = await deadline(Promise.race([error, end]), () => "the stream neither failed nor ended", patience);
      expect(result).toBeInstanceOf(Error);
    });

    test("destroying the stream destroys the source", async () => {
      const { source, stream } = await wire();
      stream.on("error", () => {});
      source.offer(MiB);
      await settled(() => source.produced);
      stream.destroy();
      await until(
        () => source.destroyed,
        () => "the source is still open",
        patience,
      );
      expect(source.destroyed).toBe(true);
    });

    test("a bad verdict ends in an error, never in a clean end", async ({ skip }) => {
      const { source, subject, stream } = await wire();
      if (subject.spoil === undefined) return skip("no verdict is passed on this stream");
      await subject.spoil();
      source.offer(MiB);
      source.finish();
      return expect(await outcome(stream)).toBeInstanceOf(Error);
    });
  });
}

/** Reads `stream` to the last and reports how it went: `end`, its error, or `closed` when it closed without either. */
function outcome(stream: Readable): Promise<Error | "end" | "closed"> {
  const result = new Promise<Error | "end" | "closed">((resolve) => {
    stream.once("error", resolve);
    stream.once("end", () => resolve("end"));
    stream.once("close", () => resolve("closed"));
  });
  stream.resume();
  return deadline(result, () => "the stream neither failed nor ended", patience);
}

/** Waits until `value()` has stood still for a tenth of a second. */
async function settled(value: () => number): Promise<void> {
  let last = -1;
  let since = performance.now();
  const still = (): boolean => {
    const now = value();
    if (now !== last) {
      last = now;
      since = performance.now();
    }
    return performance.now() - since > 100;
  };
  await until(still, () => `still moving at ${last}`, patience * 2);
}
