import type { FieldLine } from "@trailsum/shared";
import { type ParsedMessage, parseMessage, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { download } from "../../src/index.ts";
import { content, cut, digest, md5, other, outcome, part, ranges, tag, whole } from "./broken-off.ts";
import { rejection, wireResponse } from "./peers.ts";

describe("a download that was cut short starts again", () => {
  const untrusted: readonly [why: string, fields: readonly FieldLine[]][] = [
    ["without a tag", [digest]],
    ["with a weak tag", [["ETag", 'W/"one"'], digest]],
    ["with two tags", [tag, ["ETag", '"two"'], digest]],
    ["with a date alone", [["Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"], digest]],
  ];
  test("without a strong tag, whatever else it has", async () => {
    const outcomes = untrusted.map(async ([why, fields]) => {
      const { asked, file } = await outcome([cut(fields), whole([digest])]);
      expect({ why, asked: ranges(asked), file }).toEqual({ why, asked: ["", ""], file: content });
    });
    await Promise.all(outcomes);
  });

  test("where only trailers, which a part brings for itself, could have verified it", async () => {
    const fields: FieldLine[] = [["Transfer-Encoding", "chunked"], tag, ["Trailer", "Md5"]];
    const first = wireResponse("200 OK", fields, "4\r\n0123\r\n");
    const { asked, file } = await outcome([first, whole([digest])]);
    expect(ranges(asked)).toEqual(["", ""]);
    expect(file).toBe(content);
  });

  test("when nothing had arrived", async () => {
    const { asked, file } = await outcome([cut([tag, digest], 0), whole([tag, digest])]);
    expect(ranges(asked)).toEqual(["", ""]);
    expect(file).toBe(content);
  });

  test("when the answer is 200: it is not the same any more, and may be shorter", async () => {
    const changed = "new";
    const { asked, file, result } = await outcome([
      cut([tag, digest], 8),
      whole([["Repr-Digest", md5(changed)]], changed),
    ]);
    expect(ranges(asked)).toEqual(["", 'bytes=8- "one"']);
    expect(file).toBe(changed);
    expect(result).toMatchObject({ status: 200, verdict: { name: "verified", computed: { size: 3 } } });
  });

  test("when all had arrived but its end, so that there is nothing to go on with", async () => {
    const first = wireResponse("200 OK", [["Transfer-Encoding", "chunked"], tag, digest], `a\r\n${content}\r\n`);
    const none = wireResponse("416 Range Not Satisfiable", [
      ["Content-Range", "bytes */10"],
      ["Content-Length", "0"],
    ]);
    const { asked, file } = await outcome([first, none, whole([digest])], { retries: 1 });
    expect(ranges(asked)).toEqual(["", 'bytes=10- "one"', ""]);
    expect(file).toBe(content);
  });

  test("when it is redirected to another place, whose tags are its own", async () => {
    const to = (place: string): string =>
      wireResponse("302 Found", [
        ["Location", place],
        ["Content-Length", "0"],
      ]);
    const { asked, file } = await outcome([to("/b"), cut([tag, digest]), to("/c"), whole([tag, digest])], {
      retries: 1,
    });
    expect(asked.map(({ startLine }) => startLine.split(" ")[1])).toEqual(["/a", "/b", "/a", "/c"]);
    expect(ranges(asked)).toEqual(["", "", "", ""]);
    expect(file).toBe(content);
  });

  test("after content that was wrong, of which nothing is kept", async () => {
    const { file, result } = await outcome([whole([digest], `${other}${other}`), whole([digest])]);
    expect(file).toBe(content);
    expect(result).toMatchObject({ verdict: { name: "verified", computed: { size: 10 } } });
  });
});

describe("a part that the caller asked for", () => {
  const options = { headers: { Range: "bytes=2-5" } };

  test("is verified by its own digest, and not by that of the whole", async () => {
    const fields: FieldLine[] = [["Content-Digest", md5("2345")], digest];
    const { result, asked, file } = await outcome([part(2, 6, fields)], options);
    expect(ranges(asked)).toEqual(["bytes=2-5"]);
    expect(file).toBe("2345");
    expect(result).toMatchObject({
      status: 206,
      verdict: { name: "verified", checked: [{ field: "Content-Digest" }] },
    });
  });

  test("is unverified by the digest of the whole alone", async () => {
    const { result } = await outcome([part(2, 6, [digest])], options);
    expect(result).toMatchObject({ verdict: { name: "unverified" } });
  });

  test("is refused with another digest", async () => {
    const { result, names } = await outcome([part(2, 6, [["Content-Digest", md5(other)]])], options);
    expect(result).toMatchObject({ code: "DIGEST_MISMATCHED" });
    expect(names).toEqual([]);
  });

  test("is asked for again when it was cut short", async () => {
    const broken = part(2, 6, [tag]).slice(0, -2);
    const { asked, file } = await outcome([broken, part(2, 6, [tag])], options);
    expect(ranges(asked)).toEqual(["bytes=2-5", "bytes=2-5"]);
    expect(file).toBe("2345");
  });

  test("is the whole, where the server gives that", async () => {
    const { result, file } = await outcome([whole([digest])], options);
    expect(file).toBe(content);
    expect(result).toMatchObject({ status: 200, verdict: { name: "verified" } });
  });
});

test("a download into a stream is not tried again: what it was given cannot be taken back", async () => {
  const asked: ParsedMessage[] = [];
  const server = await rawServer(async (connection) => {
    asked.push(parseMessage(await connection.readHead()));
    connection.end(cut([tag, digest]));
  });
  const written: string[] = [];
  const destination = new WritableStream<Uint8Array>({
    write: (chunk) => void written.push(Buffer.from(chunk).toString()),
  });
  const error = await rejection(download(server.origin, destination, { retries: 5 }));
  expect(error.code).toBe("CONNECTION_LOST");
  // The second request only asks whether the server cut off what it found to be corrupt.
  expect(ranges(asked)).toEqual(["", "bytes=0-0"]);
  expect(written.join("")).toBe("0123");
});
