import {
  continuationFrame,
  dataFrame,
  encodeFields,
  type FieldPairs,
  headersFrame,
  type Http2Stream,
  rawHttp2Server,
} from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import type { TrailerAgentOptions, TrailerDispatchOptions } from "../../src/index.ts";
import { http2Agent, send, type Reported } from "./exchanging.ts";

/** The events of the response that `answer` sends. */
async function received(
  answer: (stream: Http2Stream) => Promise<void>,
  options: Partial<TrailerDispatchOptions> = {},
  agentOptions: TrailerAgentOptions = {},
): Promise<Reported> {
  const server = await rawHttp2Server(async (peer) => answer(await peer.accept()));
  return send(http2Agent(agentOptions), server, options).ended;
}

const OK: FieldPairs = [[":status", "200"]];

describe("a response over HTTP/2", () => {
  test("has its fields and trailers as received", async () => {
    const reported = await received(async (stream) => {
      await stream.headers([
        ...OK,
        ["x-b", "1"],
        ["x-a", "\xe9\xff"],
        ["set-cookie", "a"],
        ["x-b", "2"],
        ["set-cookie", "b"],
      ]);
      await stream.body("content");
      await stream.endWithTrailers([
        ["x-c", "1"],
        ["__proto__", "2"],
        ["x-d", "\xe9"],
        ["x-c", "3"],
        ["x-b", "4"],
      ]);
    });
    expect(reported).toEqual({
      interim: [],
      status: 200,
      raw: ["x-b", "1", "x-a", "\xe9\xff", "set-cookie", "a", "x-b", "2", "set-cookie", "b"],
      content: "content",
      trailers: ["x-c", "1", "__proto__", "2", "x-d", "\xe9", "x-c", "3", "x-b", "4"],
    });
  });

  test("may come in many small frames, padded, with its fields in CONTINUATION", async () => {
    const server = await rawHttp2Server(async (peer) => {
      const { id } = await peer.accept();
      const block = encodeFields([...OK, ["x-a", "1"]]);
      const trailers = encodeFields([["x-t", "2"]]);
      await peer.send(headersFrame(id, block.subarray(0, 2), { endHeaders: false, padding: 3 }));
      await peer.send(continuationFrame(id, block.subarray(2), { endHeaders: true }));
      for (const letter of "content") await peer.send(dataFrame(id, letter, { padding: 7 }), dataFrame(id, ""));
      await peer.send(headersFrame(id, trailers.subarray(0, 1), { endHeaders: false, endStream: true }));
      await peer.send(continuationFrame(id, trailers.subarray(1)));
    });
    expect(await send(http2Agent(), server).ended).toMatchObject({
      raw: ["x-a", "1"],
      content: "content",
      trailers: ["x-t", "2"],
    });
  });

  test("has no trailers where it ends with DATA, or with an empty section", async () => {
    const plain = await received(async (stream) => {
      await stream.headers(OK);
      await stream.body("content", { endStream: true });
    });
    expect(plain).toMatchObject({ content: "content", trailers: [] });
    const empty = await received(async (stream) => {
      await stream.headers(OK);
      await stream.body("content");
      await stream.endWithTrailers([]);
    });
    expect(empty).toMatchObject({ content: "content", trailers: [] });
  });

  test("that is nothing but a header section keeps its fields there: gRPC's trailers-only", async () => {
    const reported = await received((stream) =>
      stream.headers([...OK, ["content-type", "application/grpc"], ["grpc-status", "5"]], { endStream: true }),
    );
    const raw = ["content-type", "application/grpc", "grpc-status", "5"];
    expect(reported).toEqual({ interim: [], status: 200, raw, content: "", trailers: [] });
  });

  test("may have trailers after no content, and after a content-length", async () => {
    const none = await received(async (stream) => {
      await stream.headers([...OK, ["content-length", "0"]]);
      await stream.endWithTrailers([["x-t", "1"]]);
    });
    expect(none).toMatchObject({ raw: ["content-length", "0"], content: "", trailers: ["x-t", "1"] });
    const some = await received(async (stream) => {
      await stream.headers([...OK, ["content-length", "7"]]);
      await stream.body("content");
      await stream.endWithTrailers([["x-t", "1"]]);
    });
    expect(some).toMatchObject({ raw: ["content-length", "7"], content: "content", trailers: ["x-t", "1"] });
  });

  test("follows interim ones, each of which is reported", async () => {
    const reported = await received(async (stream) => {
      await stream.headers([
        [":status", "103"],
        ["link", "</a>"],
        ["link", "</b>"],
      ]);
      await stream.headers([[":status", "102"]]);
      await stream.headers([[":status", "100"]]);
      await stream.headers(OK);
      await stream.body("", { endStream: true });
    });
    expect(reported.interim).toEqual([
      [103, ["link", "</a>", "link", "</b>"]],
      [102, []],
      [100, []],
    ]);
    expect(reported.status).toBe(200);
  });

  test.each([
    ["HEAD", "200", "10"],
    ["GET", "304", "10"],
    ["HEAD", "404", "10"],
    ["GET", "204", undefined],
  ])("to %s with status %s has no content", async (method, status, length) => {
    const fields: FieldPairs = length === undefined ? [] : [["content-length", length]];
    const reported = await received((stream) => stream.headers([[":status", status], ...fields], { endStream: true }), {
      method: method as "GET",
    });
    expect(reported).toMatchObject({ status: Number(status), raw: fields.flat(), content: "", trailers: [] });
  });

  test("may be larger than all windows", async () => {
    const content = Buffer.alloc(5_000_000, "0123456789");
    const reported = await received(async (stream) => {
      await stream.headers(OK);
      await stream.body(content, { endStream: true });
    });
    expect(reported.content === content.toString("latin1")).toBe(true);
  });
});

/** As many fields as together take `size` bytes in HTTP/1.1, a colon, a space and a line break included. */
function fieldsOf(size: number, count: number): FieldPairs {
  return Array.from({ length: count }, (_, at) => {
    const name = `x-${String(at).padStart(4, "0")}`;
    const share = Math.floor(size / count) + (at < size % count ? 1 : 0);
    return [name, "v".repeat(share - name.length - 4)] as const;
  });
}

/** The events of a response with these fields in its head, and of one with these trailers. */
async function asHeadAndTrailers(fields: FieldPairs): Promise<readonly [head: Reported, trailers: Reported]> {
  const head = await received((stream) => stream.headers([...OK, ...fields], { endStream: true }));
  const trailers = await received(async (stream) => {
    await stream.headers(OK);
    await stream.endWithTrailers(fields);
  });
  return [head, trailers];
}

describe.each([1, 16, 300, 1_000])("a section of %i fields", (count) => {
  test("is taken up to the limit", async () => {
    const fields = fieldsOf(16_384, count);
    const [head, trailers] = await asHeadAndTrailers(fields);
    expect([head.raw, trailers.trailers]).toEqual([fields.flat(), fields.flat()]);
  });

  test.each([16_385, 100_000, 200_000])("of %i bytes is refused, and never cut short", async (size) => {
    const [head, trailers] = await asHeadAndTrailers(fieldsOf(size, count));
    expect([head.error?.code, head.status]).toEqual(["UND_ERR_HEADERS_OVERFLOW", undefined]);
    expect([trailers.error?.code, trailers.trailers]).toEqual(["UND_ERR_HEADERS_OVERFLOW", undefined]);
  });
});

test("limits can be chosen, each for itself", async () => {
  const answer = async (stream: Http2Stream): Promise<void> => {
    await stream.headers([...OK, ...fieldsOf(1_000, 1)]);
    await stream.endWithTrailers(fieldsOf(2_000, 1));
  };
  const reported = await received(answer, {}, { maxHeaderSize: 1_000, maxTrailerSize: 2_000 });
  expect(reported.error).toBeUndefined();
  const head = await received(answer, {}, { maxHeaderSize: 999, maxTrailerSize: 2_000 });
  expect([head.error?.code, head.status]).toEqual(["UND_ERR_HEADERS_OVERFLOW", undefined]);
  const trailers = await received(answer, {}, { maxHeaderSize: 1_000, maxTrailerSize: 1_999 });
  expect([trailers.error?.code, trailers.status]).toEqual(["UND_ERR_HEADERS_OVERFLOW", 200]);
  const large = { maxHeaderSize: 300_000, maxTrailerSize: 300_000 };
  const fields = fieldsOf(120_000, 50);
  const all = await received((stream) => stream.headers([...OK, ...fields], { endStream: true }), {}, large);
  expect(all.raw).toEqual(fields.flat());
});
