import { once } from "node:events";
import { Writable } from "node:stream";

import { describe, expect, test } from "vitest";

import { type ByteSink, MessageWriter } from "../../src/http1/message-writer.ts";
import { handleRead } from "../../src/transport/read-end.ts";

/** What a socket was given: what is written while it is corked leaves at once, when it is uncorked. */
class Recorder implements ByteSink {
  /** What has left, each time as the writes that it was made of. */
  readonly left: (string | Uint8Array)[][] = [];
  readonly encodings: (BufferEncoding | undefined)[] = [];
  #corked: (string | Uint8Array)[] | undefined;
  writableLength = 0;
  takesMore = true;

  cork(): void {
    if (this.#corked !== undefined) throw new Error("corked twice");
    this.#corked = [];
  }

  uncork(): void {
    if (this.#corked === undefined) throw new Error("was not corked");
    if (this.#corked.length > 0) this.left.push(this.#corked);
    this.#corked = undefined;
  }

  write(chunk: string | Uint8Array, encoding?: BufferEncoding): boolean {
    if (typeof chunk === "string") this.encodings.push(encoding);
    if (this.#corked === undefined) this.left.push([chunk]);
    else this.#corked.push(chunk);
    return this.takesMore;
  }

  /** All that has left, as one text. */
  get text(): string {
    return this.left
      .flat()
      .map((chunk) => (typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("latin1")))
      .join("");
  }
}

/** A writer, and what it writes to. */
function writing(): { writer: MessageWriter; sink: Recorder } {
  const sink = new Recorder();
  return { writer: new MessageWriter(sink), sink };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("what is small, and given in one turn,", () => {
  test("leaves in one write, at the end of the turn and not before", async () => {
    const { writer, sink } = writing();
    writer.text("head\r\n\r\n");
    expect(writer.content(Buffer.from("one"), "3\r\n", "\r\n")).toBe(true);
    expect(writer.content(Buffer.from("two"), "3\r\n", "\r\n")).toBe(true);
    writer.text("0\r\n\r\n");
    expect(sink.left).toEqual([]);
    await turn();
    expect(sink.left).toEqual([["head\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"]]);
    expect(sink.encodings).toEqual(["latin1"]);
  });

  test("leaves with `flush`, and the end of the turn adds nothing", async () => {
    const { writer, sink } = writing();
    writer.text("one, ");
    writer.text("two");
    expect(writer.flush()).toBe(true);
    expect(sink.left).toEqual([["one, two"]]);
    await turn();
    expect(writer.flush()).toBe(true);
    expect(sink.left.length).toBe(1);
  });

  test("leaves in as many turns as it was given in", async () => {
    const { writer, sink } = writing();
    for (const text of ["one", "two", "three"]) {
      writer.text(text);
      await turn();
    }
    expect(sink.left).toEqual([["one"], ["two"], ["three"]]);
  });

  test("is not gathered without end", async () => {
    const { writer, sink } = writing();
    for (let piece = 0; piece < 100; piece += 1) writer.content(Buffer.alloc(1_000, "x"), "<", ">");
    const before = sink.left.length;
    await turn();
    expect(before).toBeGreaterThan(4);
    expect(Math.max(...sink.left.map(([text]) => text!.length))).toBeLessThan(20_000);
    expect(sink.text).toBe(`<${"x".repeat(1_000)}>`.repeat(100));
  });

  test("keeps every octet as it is", async () => {
    const octets = Uint8Array.from({ length: 256 }, (_, octet) => octet);
    const { writer, sink } = writing();
    writer.content(octets, "", "");
    // A view of a part of a larger buffer, which is no Buffer.
    writer.content(octets.subarray(200, 210), "", "");
    await turn();
    expect(Buffer.from(sink.text, "latin1")).toEqual(Buffer.concat([octets, octets.subarray(200, 210)]));
  });
});

describe("what several writers were given in one turn", () => {
  test("leaves together at its end, in the order in which they began", async () => {
    const order: string[] = [];
    const writers = ["a", "b", "c"].map((name) => {
      const { writer, sink } = writing();
      sink.write = (chunk) => {
        order.push(`${name}: ${chunk as string}`);
        return true;
      };
      return writer;
    });
    for (const word of ["one ", "two "]) {
      for (const writer of writers) writer.text(word);
      await Promise.resolve();
      await new Promise((resolve) => process.nextTick(resolve));
    }
    expect(order).toEqual([]);
    await turn();
    expect(order).toEqual(["a: one two ", "b: one two ", "c: one two "]);
  });

  test("does not wait for more than 63 others", async () => {
    const all = Array.from({ length: 150 }, () => writing());
    for (const { writer } of all) writer.text("x");
    expect(all.filter(({ sink }) => sink.left.length > 0)).toEqual(all.slice(0, 128));
    await turn();
    expect(all.every(({ sink }) => sink.text === "x")).toBe(true);
  });
});

describe("who waits for what was written to be handed over", () => {
  test("is reported once it was, and only once", async () => {
    const { writer, sink } = writing();
    const reported: string[] = [];
    writer.text("one");
    writer.onFlushed({ onFlushed: () => reported.push(sink.text) });
    expect(reported).toEqual([]);
    await turn();
    writer.text("two");
    await turn();
    expect(reported).toEqual(["one"]);
  });

  test("is reported by `flush`, and where nothing was written as well", async () => {
    const { writer, sink } = writing();
    const reported: string[] = [];
    writer.text("one");
    writer.onFlushed({ onFlushed: () => reported.push(sink.text) });
    writer.flush();
    expect(reported).toEqual(["one"]);
    writer.onFlushed({ onFlushed: () => reported.push("nothing more") });
    await turn();
    expect(reported).toEqual(["one", "nothing more"]);
  });

  test("of two in one turn is the one and the other", async () => {
    const { writer, sink } = writing();
    const reported: string[] = [];
    for (const word of ["one", "two"]) {
      writer.text(word);
      writer.onFlushed({ onFlushed: () => reported.push(`${word}: ${sink.text}`) });
    }
    await turn();
    expect(reported).toEqual(["one: onetwo", "two: onetwo"]);
  });

  test("can see how often anything was", async () => {
    const { writer } = writing();
    expect(writer.flushes).toBe(0);
    writer.text("text");
    expect(writer.flushes).toBe(0);
    await turn();
    expect(writer.flushes).toBe(1);
    writer.content(Buffer.alloc(20_000), "", "");
    expect(writer.flushes).toBe(2);
  });
});

describe("content that is not small", () => {
  test.each([4_097, 16_384, 16_385, 1_048_576])(
    "of %i bytes is handed over uncopied, with what frames it",
    async (size) => {
      const { writer, sink } = writing();
      const piece = Buffer.alloc(size, "x");
      writer.text("head ");
      expect(writer.content(piece, "before ", " behind")).toBe(true);
      await turn();
      expect(sink.left).toEqual([["head before ", piece, " behind"]]);
      expect(sink.left[0]![1]).toBe(piece);
    },
  );

  test("of up to 4,096 bytes may be changed once the turn is over", async () => {
    const { writer, sink } = writing();
    const piece = Buffer.alloc(4_096, "x");
    writer.content(piece, "", "");
    await turn();
    piece.fill("y");
    expect(sink.text).toBe("x".repeat(4_096));
  });

  test("leaves at once where it is large, and where it is not with what follows it in the same turn", async () => {
    const { writer, sink } = writing();
    const [large, middle] = [Buffer.alloc(65_536, "l"), Buffer.alloc(8_192, "m")];
    writer.content(large, "<", ">");
    expect(sink.left).toEqual([["<", large, ">"]]);
    writer.content(middle, "(", ")");
    writer.text("trailers");
    expect(sink.left.length).toBe(1);
    await turn();
    expect(sink.left[1]).toEqual(["(", middle, ")trailers"]);
  });

  test("without anything around it is written alone", async () => {
    const { writer, sink } = writing();
    const pieces = [Buffer.alloc(8_192, "a"), Buffer.alloc(8_192, "b")];
    for (const piece of pieces) writer.content(piece, "", "");
    await turn();
    expect(sink.left).toEqual([pieces]);
  });
});

test("pieces of every size leave in the order in which they were given", async () => {
  const { writer, sink } = writing();
  const sizes = [1, 5_000, 0, 20_000, 100, 4_096, 4_097, 300_000, 2, 16_384, 16_385, 3];
  let expected = "";
  for (const [at, size] of sizes.entries()) {
    const letter = String.fromCodePoint(97 + at);
    writer.content(Buffer.alloc(size, letter), `${size}\r\n`, "\r\n");
    expected += `${size}\r\n${letter.repeat(size)}\r\n`;
    if (at % 5 === 1) {
      writer.text("text");
      expected += "text";
    }
    if (at % 5 === 3) await turn();
    if (at % 5 === 4) writer.flush();
  }
  await turn();
  expect(sink.text).toBe(expected);
});

describe("a socket that takes no more", () => {
  test("is reported for large content, and by a flush", () => {
    const { writer, sink } = writing();
    sink.takesMore = false;
    expect(writer.content(Buffer.alloc(20_000), "", "")).toBe(true);
    sink.writableLength = 262_144;
    expect(writer.content(Buffer.alloc(20_000), "", "")).toBe(false);
    writer.text("x");
    expect(writer.flush()).toBe(false);
    expect(writer.flush()).toBe(true);
  });

  test("is reported for small content that is too much to be gathered", () => {
    const { writer, sink } = writing();
    sink.takesMore = false;
    const reported = Array.from({ length: 5 }, () => writer.content(Buffer.alloc(4_000), "", ""));
    expect(reported).toEqual([true, true, true, true, false]);
  });

  test.each([
    [0, false],
    [262_143, false],
    [262_144, true],
  ])("with %i bytes waiting is full: %j", (waiting, full) => {
    const { writer, sink } = writing();
    sink.writableLength = waiting;
    expect(writer.full).toBe(full);
  });
});

describe("large content that came in one read", () => {
  test("leaves in one write, when the read has been handled", () => {
    const { writer, sink } = writing();
    const pieces = [Buffer.alloc(20_000, "a"), Buffer.alloc(30_000, "b"), Buffer.alloc(100, "c")];
    handleRead(() => {
      for (const piece of pieces) writer.content(piece, `${piece.length.toString(16)}\r\n`, "\r\n");
      expect(sink.left).toEqual([]);
    }, Buffer.alloc(0));
    expect(sink.left).toEqual([["4e20\r\n", pieces[0], "\r\n7530\r\n", pieces[1], `\r\n64\r\n${"c".repeat(100)}\r\n`]]);
  });

  test("leaves also where handling it fails", () => {
    const { writer, sink } = writing();
    const piece = Buffer.alloc(20_000);
    expect(() =>
      handleRead(() => {
        writer.content(piece, "", "");
        throw new Error("broken");
      }, piece),
    ).toThrow("broken");
    expect(sink.left).toEqual([[piece]]);
  });
});

describe("content that is to be returned", () => {
  test("comes back when the system has taken it, and each piece once", () => {
    const { writer, sink } = writing();
    const returned: Uint8Array[] = [];
    writer.returnContent((piece) => void returned.push(piece));
    const [small, large, waiting] = [Buffer.alloc(100), Buffer.alloc(20_000), Buffer.alloc(20_000)];
    writer.content(small, "", "");
    writer.content(large, "", "");
    expect(returned).toEqual([small, large]);
    sink.writableLength = 20_000;
    writer.content(waiting, "", "");
    writer.returnTaken();
    expect(returned).toHaveLength(2);
    sink.writableLength = 0;
    writer.returnTaken();
    writer.flush();
    expect(returned).toEqual([small, large, waiting]);
  });

  test("does not come back to the message after it", () => {
    const { writer, sink } = writing();
    const returned: string[] = [];
    writer.returnContent(() => void returned.push("first"));
    sink.writableLength = 20_000;
    writer.content(Buffer.alloc(20_000), "", "");
    writer.returnContent(() => void returned.push("second"));
    sink.writableLength = 0;
    writer.flush();
    expect(returned).toEqual([]);
  });
});

test("through a stream of Node's, corked and uncorked, everything arrives in its order", async () => {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    decodeStrings: true,
    writev: (pieces, done) => {
      chunks.push(...pieces.map(({ chunk }) => chunk as Buffer));
      done();
    },
  });
  const writer = new MessageWriter(stream);
  writer.text("head ");
  writer.content(Buffer.from("small"), "<", ">");
  writer.content(Buffer.alloc(10_000, "x"), "(", ")");
  writer.text(" trailers");
  await turn();
  stream.end();
  await once(stream, "finish");
  expect(Buffer.concat(chunks).toString("latin1")).toBe(`head <small>(${"x".repeat(10_000)}) trailers`);
});
