import { once } from "node:events";

import { type ClientUnaryCall as SurfaceCall, status } from "@grpc/grpc-js";
import type { GrpcCall, GrpcCallOptions, GrpcClient, GrpcOutcome } from "@trailsum/testkit/grpc-client";
import type { GrpcRefusal } from "@trailsum/testkit/grpc-service";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type GrpcWay, grpcWays, openGrpcWay, type OpenGrpcWay } from "./support/grpc-ways.ts";

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const refusal = (asked: GrpcRefusal): Buffer => json(asked);

/** Every status that is not a success. */
const codes = Array.from({ length: 16 }, (_, at) => at + 1);

const sentences = [
  "no such thing",
  "",
  "größer als erlaubt: 你好, 👋",
  "100% of it, and %41 is no A",
  'two\nlines, a "quote", a \\ and a\ttab',
  "x".repeat(4_000),
];

const kinds = ["unary", "bidi"] as const;

/** Begins a call that no one answers. */
function begin(client: GrpcClient, kind: (typeof kinds)[number], options: GrpcCallOptions = {}): GrpcCall<SurfaceCall> {
  return kind === "unary" ? client.unary("hang", Buffer.alloc(1), options) : client.bidi("hang", options);
}

/** All that a failed call reports. */
function reported({ code, details, messages, initial, trailing }: GrpcOutcome): unknown {
  return { code, details, messages: messages.map(String), initial: initial !== undefined, trailing: trailing.toJSON() };
}

const ANY_DATE: unknown = expect.any(String);
const OWN_VIA: unknown = expect.stringMatching(/^2\.0 trailsum-/);

/** The fields that hops between client and service add to a response. */
function addedBy({ name }: GrpcWay): Record<string, unknown[]> {
  return name === "directly" ? {} : { via: [OWN_VIA] };
}

describe.each(grpcWays)("a gRPC call $name", (way) => {
  let open: OpenGrpcWay;
  beforeAll(async () => {
    open = await openGrpcWay(way);
  });
  afterAll(() => open.close());

  /** What the service made of the last call. */
  const seen = (): { end: string; deadline: number } | undefined => open.service.calls.at(-1);

  test("that is refused keeps its status code, in a response of a header section alone", async () => {
    const asked = codes.map((code) => refusal({ code, details: `this is ${code}`, after: 0 }));
    const outcomes = asked.map((message) => open.client.serverStream("refuse", message).outcome);
    const head = { "content-type": ["application/grpc+proto"], date: [ANY_DATE], ...addedBy(way) };
    const expected = codes.map((code) => {
      return { code, details: `this is ${code}`, messages: [], initial: false, trailing: head };
    });
    expect((await Promise.all(outcomes)).map(reported)).toEqual(expected);
  });

  test.each([0, 2])("that is refused after %i messages keeps its status, message and details", async (after) => {
    const details = Buffer.from([8, 3, 0, 255, 13, 10, 128]);
    const metadata = [
      ["trailing-grpc-status-details-bin", details],
      ["trailing-retry", "never"],
    ] as const;
    const outcomes = sentences.map((sentence) => {
      const asked = refusal({ code: status.INVALID_ARGUMENT, details: sentence, after });
      return open.client.serverStream("refuse", asked, { metadata }).outcome;
    });
    const messages = ["message 0", "message 1"].slice(0, after);
    for (const [at, outcome] of (await Promise.all(outcomes)).entries()) {
      const { code, trailing } = outcome;
      expect([code, outcome.details]).toEqual([status.INVALID_ARGUMENT, sentences[at]]);
      expect(outcome.messages.map(String)).toEqual(messages);
      expect(outcome.initial !== undefined).toBe(after > 0);
      expect(trailing.get("grpc-status-details-bin")).toEqual([details]);
      expect(trailing.get("retry")).toEqual(["never"]);
    }
  });

  test("to a method that does not exist is answered as such", async () => {
    const { code, details } = await open.client.unary("nothing", Buffer.alloc(0)).outcome;
    expect([code, details]).toEqual([status.UNIMPLEMENTED, "The server does not implement the method nothing"]);
  });

  test("whose deadline passes ends with 4, and the service learns of it", async () => {
    const began = Date.now();
    const calls = open.service.calls.length;
    const outcomes = kinds.map((kind) => begin(open.client, kind, { deadline: began + 1_000 }).outcome);
    expect((await Promise.all(outcomes)).map(({ code }) => code)).toEqual(kinds.map(() => status.DEADLINE_EXCEEDED));
    const both = open.service.calls.slice(calls);
    await expect.poll(() => both.map(({ end }) => end)).toEqual(kinds.map(() => "cancelled"));
    // It also knows its deadline.
    for (const { deadline } of both) expect(deadline).toBeLessThan(began + 60_000);
  });

  test.each(kinds)("that the client cancels is cancelled at the service (%s)", async (kind) => {
    const calls = open.service.calls.length;
    const { stream, outcome } = begin(open.client, kind);
    await expect.poll(() => open.service.calls.length).toBe(calls + 1);
    expect(seen()?.end).toBe("none yet");
    stream.cancel();
    expect((await outcome).code).toBe(status.CANCELLED);
    await expect.poll(() => seen()?.end).toBe("cancelled");
  });

  test("that is cancelled amid its answers is cancelled at the service, and others go on", async () => {
    const other = open.client.bidi("pingPong");
    other.stream.write(Buffer.from("before"));
    await once(other.stream, "data");
    const { stream, outcome } = open.client.serverStream("count", json({ count: 1e9, size: 1_000 }));
    const call = open.service.calls.length;
    await once(stream, "data");
    stream.cancel();
    expect((await outcome).code).toBe(status.CANCELLED);
    await expect.poll(() => open.service.calls[call]?.end).toBe("cancelled");
    other.stream.end(Buffer.from("after"));
    expect(reported(await other.outcome)).toMatchObject({ code: status.OK, messages: ["before", "after"] });
  });

  test("whose service dies amid its answers fails, and the next one does not", async () => {
    const { stream, messages, outcome } = open.client.bidi("pingPong");
    stream.write(Buffer.from("hello"));
    await once(stream, "data");
    open.service.breakConnections();
    const { code } = await outcome;
    // A client that sees the connection break reports 14, and a proxy can only reset the stream by then, which is 13.
    expect([status.UNAVAILABLE, status.INTERNAL]).toContain(code);
    expect(messages.map(String)).toEqual(["hello"]);
    await expect.poll(async () => (await open.client.unary("echo", Buffer.from("again")).outcome).code).toBe(status.OK);
  });
});
