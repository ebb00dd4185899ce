import { FieldLines } from "@trailsum/shared";
import { type Agent, type Dispatcher, type pipeline, request, type stream } from "undici";
import { describe, expectTypeOf, test } from "vitest";

import { TrailerAgent, type TrailerDispatchOptions, type TrailersInit } from "../../src/index.ts";

describe("undici's types", () => {
  test("know `trailers` wherever options go", () => {
    type RequestOptions = NonNullable<Parameters<typeof request>[1]>;
    type Expected = TrailersInit | undefined;
    expectTypeOf<RequestOptions["trailers"]>().toEqualTypeOf<Expected>();
    expectTypeOf<Parameters<typeof stream>[1]["trailers"]>().toEqualTypeOf<Expected>();
    expectTypeOf<Parameters<typeof pipeline>[1]["trailers"]>().toEqualTypeOf<Expected>();
    expectTypeOf<Dispatcher.DispatchOptions["trailers"]>().toEqualTypeOf<Expected>();
    expectTypeOf<Agent.DispatchOptions["trailers"]>().toEqualTypeOf<Expected>();
    expectTypeOf<TrailerDispatchOptions["trailers"]>().toEqualTypeOf<Expected>();
  });

  test("take trailers of every shape, and nothing else", () => {
    expectTypeOf(request).toBeCallableWith("http://x", { trailers: { Md5: "x", Size: 1 } });
    expectTypeOf(request).toBeCallableWith("http://x", { trailers: FieldLines.empty });
    expectTypeOf(request).toBeCallableWith("http://x", { trailers: ["Md5", "x"] });
    expectTypeOf(request).toBeCallableWith("http://x", { trailers: () => new Map([["Md5", "x"]]) });
    expectTypeOf(request).toBeCallableWith("http://x", { trailers: async () => Promise.resolve({ Md5: "x" }) });
    // @ts-expect-error -- a number is not a set of fields
    expectTypeOf(request).toBeCallableWith("http://x", { trailers: 1 });
    // @ts-expect-error -- an option that is unknown is still an error
    expectTypeOf(request).toBeCallableWith("http://x", { trailer: {} });
  });

  test("take a TrailerAgent for a Dispatcher", () => {
    expectTypeOf<TrailerAgent>().toExtend<Dispatcher>();
    expectTypeOf(request).toBeCallableWith("http://x", { dispatcher: new TrailerAgent(), trailers: {} });
  });
});
