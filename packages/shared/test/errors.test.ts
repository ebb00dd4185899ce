import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { errorTable, TrailsumError } from "../src/index.ts";

const rows = Object.entries(errorTable);

describe("the table of errors", () => {
  test("is closed: it has exactly these codes", () => {
    expect(Object.keys(errorTable).toSorted()).toEqual(
      [
        [
          "ABORTED",
          "COMPLETED_UPLOAD",
          "CONFLICT",
          "CONNECTION_LOST",
          "CONNECT_FAILED",
          "CONTENT_RANGE",
          "DIGEST_MALFORMED",
        ],
        ["DIGEST_MISMATCHED", "DIGEST_MISSING", "DIGEST_UNSUPPORTED", "DIGEST_UNVERIFIED", "EXPECTATION_FAILED"],
        [
          "FILE_CHANGED",
          "FILE_UNREADABLE",
          "FILE_UNWRITABLE",
          "FORBIDDEN",
          "INCONSISTENT_LENGTH",
          "INTERNAL",
          "LOOP_DETECTED",
          "METHOD_NOT_ALLOWED",
          "MISMATCHING_OFFSET",
          "NOT_FOUND",
          "NOT_SUPPORTED",
        ],
        ["NO_SPACE", "PATH_FORBIDDEN", "PATH_INVALID", "PRECONDITION_FAILED", "PROTOCOL", "REFUSED"],
        ["SIGNATURE_INVALID", "SIZE_MISMATCHED", "STORED_BYTES_DIFFER", "TIMEOUT", "TOO_LARGE", "TRAILERS_TOO_LARGE"],
        ["UNAUTHORIZED", "UNAVAILABLE", "UNKNOWN_ALGORITHM", "UNTRUSTED_CERTIFICATE", "USAGE"],
      ].flat(),
    );
  });

  test.each(rows)("%s has a meaning, an exit status of the design and, with a status, a problem type", (_code, row) => {
    expect(row.meaning).toMatch(/^[a-z].*[^.]$/);
    expect([1, 2, 3, 4, 5, 6, 7, 130]).toContain(row.exit);
    expect(row.type === undefined).toBe(row.status === undefined);
    expect(row.status ?? 400).toBeGreaterThanOrEqual(400);
    expect(row.status ?? 400).toBeLessThan(600);
    expect(row.type ?? "about:blank").toMatch(/^(about:blank|urn:trailsum:problem:[a-z-]+|https:\/\/iana\.org\/\S+)$/);
  });

  test("has each problem type of its own once, so that it leads back to one code", () => {
    const types = rows.map(([, { type }]) => type).filter((type) => type !== undefined && type !== "about:blank");
    expect(new Set(types).size).toBe(types.length);
  });

  test("has each meaning once", () => {
    expect(new Set(rows.map(([, { meaning }]) => meaning)).size).toBe(rows.length);
  });

  test("ends the command with 6 for wrong content, and with 7 for unverified content", () => {
    const codesOf = (exit: number): string[] => rows.filter(([, row]) => row.exit === exit).map(([code]) => code);
    expect(codesOf(6)).toEqual([
      "STORED_BYTES_DIFFER",
      "DIGEST_MISMATCHED",
      "SIZE_MISMATCHED",
      "DIGEST_MALFORMED",
      "SIGNATURE_INVALID",
    ]);
    expect(codesOf(7)).toEqual(["DIGEST_MISSING", "DIGEST_UNSUPPORTED", "DIGEST_UNVERIFIED"]);
  });
});

describe("an error", () => {
  test("knows its code, its sentence, its cause and its row of the table", () => {
    const cause = new Error("ENOSPC");
    const error = new TrailsumError("NO_SPACE", "the disk is full", { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "TrailsumError", code: "NO_SPACE", message: "the disk is full", cause });
    expect([error.status, error.meaning]).toEqual([507, errorTable.NO_SPACE]);
    expect(error.stack).toContain("errors.test.ts");
  });

  test("has neither cause nor status unless they are given", () => {
    const error = new TrailsumError("USAGE", "no");
    expect("cause" in error).toBe(false);
    expect(error.status).toBeUndefined();
  });

  test("has the status that was received in place of the table's", () => {
    expect(new TrailsumError("REFUSED", "no", { status: 401 }).status).toBe(401);
    expect(new TrailsumError("TIMEOUT", "slow", { status: 504 }).status).toBe(504);
  });
});

describe("TrailsumError.from", () => {
  test("gives one of ours back as it is, whatever code is asked for", () => {
    const error = new TrailsumError("TIMEOUT", "slow");
    expect(TrailsumError.from(error, "USAGE")).toBe(error);
  });

  test("wraps any other error with its message, as a bug unless it is known to be something else", () => {
    const cause = new TypeError("x is not a function");
    expect(TrailsumError.from(cause)).toMatchObject({ code: "INTERNAL", message: "x is not a function", cause });
    expect(TrailsumError.from(cause, "CONNECT_FAILED")).toMatchObject({ code: "CONNECT_FAILED", cause });
  });

  test.each([
    ["a string", "text", "text"],
    ["nothing", undefined, "undefined"],
    ["null", null, "null"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["an object that is not an error", { code: 7 }, "{ code: 7 }"],
    ["an object without a prototype", Object.create(null), "[Object: null prototype] {}"],
    ["an object that refuses to be text", { toString: 1 }, "{ toString: 1 }"],
  ])("wraps what is thrown and no error: %s", (_what, thrown: unknown, message) => {
    expect(TrailsumError.from(thrown)).toMatchObject({ code: "INTERNAL", message });
  });

  test("never throws itself, whatever it is given", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (thrown) => {
        const error = TrailsumError.from(thrown);
        expect([error.code, error.cause]).toEqual(["INTERNAL", thrown]);
      }),
    );
  });
});
