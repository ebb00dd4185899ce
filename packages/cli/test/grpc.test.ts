import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";

import { status } from "@grpc/grpc-js";
import type { GrpcOutcome } from "@trailsum/testkit/grpc-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { grpcWays, openGrpcWay, type OpenGrpcWay } from "./support/grpc-ways.ts";

const bytes = (value: unknown): Buffer => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** What a client sees of a call that went well, with its messages as text. */
function reported({ code, details, messages, initial, trailing }: GrpcOutcome): unknown {
  return { code, details, messages: messages.map(String), initial: initial !== undefined, trailing: trailing.toJSON() };
}

describe.each(grpcWays)("gRPC $name", (way) => {
  let open: OpenGrpcWay;
  beforeAll(async () => {
    open = await openGrpcWay(way);
  });
  afterAll(() => open.close());

  test("one message is answered with one", async () => {
    const outcome = await open.client.unary("echo", bytes("hello")).outcome;
    expect(reported(outcome)).toEqual({
      code: status.OK,
      details: "OK",
      messages: ["hello"],
      initial: true,
      trailing: {},
    });
  });

  test("metadata goes there and comes back, initial and trailing, text and binary, several values of one name", async () => {
    const binary = [Buffer.from([0, 1, 2, 253, 254, 255]), Buffer.alloc(0), randomBytes(1_000)];
    const metadata: [string, string | Buffer][] = [
      ["plain", "a value"],
      ["several", "one"],
      ["several", "two, with a comma"],
      ["several", "one"],
      ["other-bin", binary[0]!],
      ["initial-sent", "1"],
      ["initial-sent", "2"],
      ["initial-bytes-bin", binary[0]!],
      ["trailing-checksum", "0123"],
      ["trailing-several", "x"],
      ["trailing-several", "y"],
      ...binary.map((value): [string, Buffer] => ["trailing-bytes-bin", value]),
    ];
    const { initial, trailing } = await open.client.unary("echo", bytes("hello"), { metadata }).outcome;
    const seen = open.service.calls.at(-1)!.metadata;
    expect(seen.get("plain")).toEqual(["a value"]);
    // Lines of one name may be joined on any hop; their values and their order stay.
    expect(seen.get("several").join(", ")).toBe("one, two, with a comma, one");
    expect(seen.get("other-bin")).toEqual([binary[0]]);
    expect(initial?.get("sent").join(", ")).toBe("1, 2");
    expect(initial?.get("bytes-bin")).toEqual([binary[0]]);
    expect(trailing.get("checksum")).toEqual(["0123"]);
    expect(trailing.get("several").join(", ")).toBe("x, y");
    expect(trailing.get("bytes-bin")).toEqual(binary);
  });

  test("messages of a server stream come all, in order, and metadata after them", async () => {
    const metadata = [["trailing-total", "1000"]] as const;
    const { outcome } = open.client.serverStream("count", bytes({ count: 1_000, size: 100 }), { metadata });
    const { code, messages, trailing } = await outcome;
    expect([code, trailing.get("total")]).toEqual([status.OK, ["1000"]]);
    expect(messages.map((message) => message.readUInt32BE())).toEqual(numbers(1_000));
  });

  test("messages of a client stream come all, in order", async () => {
    const { stream, outcome } = open.client.clientStream("collect");
    const md5 = createHash("md5");
    for (const number of numbers(1_000)) {
      md5.update(`message ${number}`);
      stream.write(bytes(`message ${number}`));
    }
    stream.end();
    const { code, messages } = await outcome;
    expect([code, JSON.parse(String(messages[0]))]).toEqual([status.OK, { count: 1_000, md5: md5.digest("hex") }]);
  });

  test("of two streams one message there brings one back, a hundred times, each sent only after the last answer", async () => {
    const { stream, outcome } = open.client.bidi("pingPong", { metadata: [["trailing-rounds", "100"]] });
    for (const number of numbers(100)) {
      const answer = once(stream, "data");
      stream.write(bytes(`round ${number}`));
      expect(String((await answer)[0])).toBe(`round ${number}`);
    }
    stream.end();
    expect((await outcome).trailing.get("rounds")).toEqual(["100"]);
  });

  test("the server can speak first, and the head of its answer comes before any message", async () => {
    const { stream, outcome } = open.client.bidi("pingPong", { metadata: [["initial-ready", "yes"]] });
    const [initial] = (await once(stream, "metadata")) as [{ get(name: string): unknown }];
    expect(initial.get("ready")).toEqual(["yes"]);
    stream.end();
    expect(reported(await outcome)).toMatchObject({ code: status.OK, messages: [], initial: true });
  });

  test("messages may be empty, and streams too", async () => {
    const unary = await open.client.unary("echo", Buffer.alloc(0)).outcome;
    expect(reported(unary)).toMatchObject({ code: status.OK, messages: [""] });
    const none = await open.client.serverStream("count", bytes({ count: 0, size: 0 })).outcome;
    expect(reported(none)).toMatchObject({ code: status.OK, messages: [] });
    const collected = open.client.clientStream("collect");
    collected.stream.end();
    const md5 = createHash("md5").digest("hex");
    expect(JSON.parse(String((await collected.outcome).messages[0]))).toEqual({ count: 0, md5 });
    const empties = open.client.bidi("pingPong");
    for (const _ of numbers(3)) empties.stream.write(Buffer.alloc(0));
    empties.stream.end();
    expect(reported(await empties.outcome)).toMatchObject({ code: status.OK, messages: ["", "", ""] });
  });

  test("a message of 4 MiB goes there and comes back", async () => {
    const large = randomBytes(4 << 20);
    const { code, messages } = await open.client.unary("echo", large).outcome;
    expect([code, messages[0]?.equals(large)]).toEqual([status.OK, true]);
  });

  test("compressed messages stay compressed in transit", async () => {
    const before = open.service.bytesReceived();
    const zeros = Buffer.alloc(2 << 20);
    const { code, messages } = await open.connect({ gzip: true }).unary("echo", zeros).outcome;
    expect([code, messages[0]?.equals(zeros)]).toEqual([status.OK, true]);
    expect(open.service.bytesReceived() - before).toBeLessThan(100_000);
  });

  test("500 calls at once have each its own answer, of both kinds of metadata too", async () => {
    const calls = numbers(500).map((number) => {
      const metadata = [
        ["initial-number", `${number}`],
        ["trailing-number", `${number}`],
      ] as const;
      return open.client.unary("echo", bytes(`call ${number} ${"x".repeat(number)}`), { metadata }).outcome;
    });
    const seen = (await Promise.all(calls)).map(({ code, messages, initial, trailing }) => {
      return [code, String(messages[0]), initial?.get("number"), trailing.get("number")];
    });
    const expected = numbers(500).map((number) => {
      return [status.OK, `call ${number} ${"x".repeat(number)}`, [`${number}`], [`${number}`]];
    });
    expect(seen).toEqual(expected);
  });

  test("a stream that is not read holds the server back, and no other call", async () => {
    const count = 512;
    const { stream, messages, outcome } = open.client.serverStream("count", bytes({ count, size: 65_536 }));
    await once(stream, "data");
    stream.pause();
    const seen = open.service.calls.at(-1)!;
    await standstill(() => seen.sent);
    // Of 32 MiB: what the buffers on the way hold is a small part.
    expect(seen.sent).toBeLessThan(128);
    expect((await open.client.unary("echo", bytes("meanwhile")).outcome).code).toBe(status.OK);
    stream.resume();
    expect((await outcome).code).toBe(status.OK);
    expect(messages.map((message) => message.readUInt32BE())).toEqual(numbers(count));
  });

  test("messages that the server does not read hold the client back", async () => {
    // It reads no further than its answers are taken.
    const { stream, outcome } = open.client.bidi("pingPong");
    stream.pause();
    let written = 0;
    const write = (): void => {
      for (const message = Buffer.alloc(65_536); written < 512;) {
        written += 1;
        if (!stream.write(message)) return;
      }
    };
    stream.on("drain", write);
    write();
    await standstill(() => written);
    expect(written).toBeLessThan(256);
    stream.cancel();
    expect((await outcome).code).toBe(status.CANCELLED);
  });
});

/** Waits until a number has stopped growing. */
async function standstill(number: () => number): Promise<void> {
  let last = -1;
  await expect.poll(() => last === (last = number()), { interval: 250 }).toBe(true);
}
