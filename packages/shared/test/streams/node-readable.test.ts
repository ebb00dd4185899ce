import { PassThrough, Readable } from "node:stream";
import { finished } from "node:stream/promises";

import { duplexOf, foreignStreams, OldStream, streamContract, until } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { isReadableLike, nodeReadable } from "../../src/streams/index.ts";

/** What a stream gives, as text, or the error that it fails with. */
async function outcome(stream: Readable): Promise<string | Error> {
  let text = "";
  try {
    for await (const chunk of stream) text += String(chunk);
    return text;
  } catch (error) {
    return error as Error;
  }
}

const cut = { code: "ERR_STREAM_PREMATURE_CLOSE" };
const broken = new Error("the disk is gone");

describe.each([...foreignStreams, ["node:stream", { Readable, PassThrough }] as const])(
  "a stream of %s",
  (_name, kind) => {
    const half = (options = {}): Readable => {
      const stream = new kind.Readable({ read() {}, ...options });
      stream.push("half of it");
      return stream;
    };

    test("is recognised and read to its end, and destroyed then", async () => {
      const source = new kind.PassThrough();
      expect(isReadableLike(source)).toBe(true);
      source.write("one ");
      source.end("two");
      expect(await outcome(nodeReadable(source))).toBe("one two");
      await until(
        () => source.destroyed,
        () => "it is still open",
      );
    });

    test.each([{}, { emitClose: false }, { autoDestroy: false }])(
      "fails when it is destroyed before its end, made with %o",
      async (options) => {
        const source = half(options);
        const stream = nodeReadable(source);
        stream.once("data", () => source.destroy());
        expect(await finished(stream).catch((error: unknown) => error)).toMatchObject(cut);
      },
    );

    test.each([{}, { emitClose: false }, { autoDestroy: false }])(
      "fails with its error, made with %o",
      async (options) => {
        const source = half(options);
        const stream = nodeReadable(source);
        stream.once("data", () => source.destroy(broken));
        expect(await outcome(stream)).toBe(broken);
      },
    );

    test("fails when it was destroyed before it was given", async () => {
      const source = half();
      source.destroy();
      await new Promise((resolve) => source.once("close", resolve));
      expect(await outcome(nodeReadable(source))).toMatchObject(cut);
    });

    test("is destroyed when its reader gives up, and its late errors do no harm", async () => {
      const source = half();
      const stream = nodeReadable(source);
      stream.on("error", () => {}).destroy(broken);
      await until(
        () => source.destroyed,
        () => "it is still open",
      );
      source.emit("error", new Error("late"));
      expect(stream.errored).toBe(broken);
      expect(stream.errored).toBe(broken);
    });
  },
);

describe("a stream of no known class", () => {
  test("of old gives all that it has, and is destroyed", async () => {
    const source = new OldStream(["one ", Buffer.from("two "), ...Array.from({ length: 100 }, () => ".")]);
    expect(await outcome(nodeReadable(source))).toBe(`one two ${".".repeat(100)}`);
    expect(source.destroyed).toBe(true);
  });

  test("of old that closes without an end has failed", async () => {
    class Cut extends OldStream {
      protected override finish(): void {
        this.emit("close");
      }
    }
    expect(await outcome(nodeReadable(new Cut(["some"])))).toMatchObject(cut);
  });

  test("that emits `end` when it is destroyed, as readable-stream 2 does, has failed", async () => {
    class Pretender extends OldStream {
      protected override finish(): void {
        this.destroyed = true;
        this.emit("end");
      }
    }
    expect(await outcome(nodeReadable(new Pretender(["some"])))).toMatchObject(cut);
  });

  test("that emits its error after an `end`, as readable-stream 2 does, has failed with that", async () => {
    class Pretender extends OldStream {
      protected override finish(): void {
        this.destroyed = true;
        this.emit("end");
        process.nextTick(() => this.emit("error", broken));
      }
    }
    expect(await outcome(nodeReadable(new Pretender(["some"])))).toBe(broken);
  });

  test("of Node whose `destroy` was taken away is read, and its reader can give up", async () => {
    const withoutDestroy = (): Readable =>
      Object.assign(Readable.from(["one ", "two"], { autoDestroy: false }), { destroy: undefined });
    expect(await outcome(nodeReadable(withoutDestroy()))).toBe("one two");
    const abandoned = nodeReadable(withoutDestroy());
    expect(await outcome(abandoned.destroy(broken))).toBe(broken);
  });

  test("composed by duplexify fails when either part is destroyed", async () => {
    for (const [, { PassThrough: Foreign }] of foreignStreams) {
      const inner = new Foreign();
      const composed = duplexOf(null, inner);
      const stream = nodeReadable(composed);
      stream.once("data", () => inner.destroy());
      inner.write("some");
      expect(await outcome(stream)).toBeInstanceOf(Error);
    }
  });

  test("that is written to only is not taken for one that is read", () => {
    for (const [, { Writable }] of foreignStreams) expect(isReadableLike(new Writable())).toBe(false);
  });
});

for (const [name, { PassThrough: Foreign }] of foreignStreams) {
  streamContract(`a stream of ${name} as one of Node's`, {
    create: (source) => {
      const foreign = new Foreign();
      source
        .on("error", (error) => foreign.destroy(error))
        .on("close", () => source.readableEnded || foreign.destroy());
      foreign.on("close", () => source.destroy());
      source.pipe(foreign);
      return { stream: nodeReadable(foreign) };
    },
  });
}
