import { describe, expect, test } from "vitest";

import {
  decideVerdict,
  errorProblem,
  errorTable,
  FieldLines,
  problemCode,
  problemMediaType,
  TrailsumError,
  verdictError,
  verdictProblem,
} from "../src/index.ts";
import { computed, content, digestsOf, lines, member, values } from "./message.ts";

const registered = "https://iana.org/assignments/http-problem-types";
const problemOf = (trailer: FieldLines, header: FieldLines = FieldLines.empty) =>
  verdictProblem(decideVerdict({ header, trailer, computed }));

describe("the problem document of a verdict", () => {
  test("mismatched digests: which, by which field, and what was provided", () => {
    expect(problemOf(lines(["Content-Digest", values["Content-Digest"].wrong], ["Md5", values.Md5.wrong]))).toEqual({
      type: `${registered}#digest-mismatched-values`,
      title: "A digest differs from the content",
      status: 400,
      detail: "the content is not what was sent: what arrived does not match Md5, Content-Digest (sha-256)",
      verdict: "mismatched",
      mismatched_digests: [
        {
          algorithm: "md5",
          provided_digest: `:${Buffer.from(values.Md5.wrong, "hex").toString("base64")}:`,
          header: "Md5",
        },
        {
          algorithm: "sha-256",
          provided_digest: values["Content-Digest"].wrong.slice("sha-256=".length),
          header: "Content-Digest",
        },
      ],
    });
  });

  test("a mismatched size alone has a type of its own", () => {
    expect(problemOf(lines(["Size", "20"], ["Md5", values.Md5.right]))).toEqual({
      type: "urn:trailsum:problem:size-mismatched",
      title: "The size differs from the content",
      status: 400,
      detail: "the content is not what was sent: what arrived does not match Size",
      verdict: "mismatched",
      mismatched_sizes: [{ provided_size: 20, header: "Size" }],
    });
  });

  test("a mismatched size is reported beside a mismatched digest", () => {
    expect(problemOf(lines(["Size", "20"], ["Md5", values.Md5.wrong]))).toMatchObject({
      type: `${registered}#digest-mismatched-values`,
      mismatched_digests: [{ header: "Md5" }],
      mismatched_sizes: [{ provided_size: 20, header: "Size" }],
    });
  });

  test("invalid digests: which field, which algorithm and why", () => {
    expect(problemOf(lines(["Repr-Digest", "sha-256=:AAAA:"], ["Size", "-1"], ["Content-Digest", ","]))).toEqual({
      type: `${registered}#digest-invalid-values`,
      title: "An integrity field is malformed",
      status: 400,
      detail:
        "Size in the trailer: not a decimal number of bytes; " +
        "Content-Digest in the trailer: not a dictionary of byte sequences; " +
        "Repr-Digest in the trailer: a digest of 32 bytes was expected, not 3",
      verdict: "malformed",
      invalid_digests: [
        { header: "Size", reason: "not a decimal number of bytes" },
        { header: "Content-Digest", reason: "not a dictionary of byte sequences" },
        { algorithm: "sha-256", header: "Repr-Digest", reason: "a digest of 32 bytes was expected, not 3" },
      ],
    });
  });

  test("missing fields: which, and who may have dropped them", () => {
    expect(problemOf(FieldLines.empty, lines(["Trailer", "Md5, Size"]))).toEqual({
      type: "urn:trailsum:problem:digest-missing",
      title: "An announced or required integrity field did not arrive",
      status: 400,
      detail: "Md5, Size did not arrive, though announced or required: a proxy on the way may have dropped trailers",
      verdict: "missing",
      missing_fields: ["Md5", "Size"],
    });
  });

  test("a required field that came by algorithms of no use: no proxy is blamed", () => {
    const trailer = lines(["Content-Digest", "unixsum=:GQU=:"]);
    const verdict = decideVerdict({ header: FieldLines.empty, trailer, computed, require: ["Content-Digest"] });
    expect(verdictProblem(verdict)).toMatchObject({
      type: "urn:trailsum:problem:digest-missing",
      detail: expect.stringMatching(
        /^Content-Digest came without a digest of any use: unixsum cannot be checked here; use one of md5,/,
      ),
      missing_fields: ["Content-Digest"],
      unsupported_algorithms: [{ algorithm: "unixsum", header: "Content-Digest" }],
    });
  });

  test("unsupported algorithms only: which, and which could be checked", async () => {
    const trailer = lines(["Content-Digest", `unixsum=:GQU=:, ${member(computed, "sha-512")}`]);
    const md5 = await digestsOf(content, ["md5"]);
    expect(verdictProblem(decideVerdict({ header: FieldLines.empty, trailer, computed: md5 }))).toEqual({
      type: `${registered}#digest-unsupported-algorithms`,
      title: "No digest of a supported algorithm was received",
      status: 400,
      detail:
        "nothing to verify the content by: unixsum, sha-512 cannot be checked here; " +
        "use one of md5, sha, sha-256, crc32c, crc32, crc64nvme",
      verdict: "unverified",
      unsupported_algorithms: [
        { algorithm: "unixsum", header: "Content-Digest" },
        { algorithm: "sha-512", header: "Content-Digest" },
      ],
    });
  });

  test("nothing at all: what could be sent", () => {
    expect(problemOf(FieldLines.empty)).toEqual({
      type: "urn:trailsum:problem:digest-required",
      title: "No digest was sent to verify the content",
      status: 400,
      detail:
        "no digest was sent to verify the content: send Md5, Content-Digest or Repr-Digest, as a trailer or a header field",
      verdict: "unverified",
    });
  });
});

describe("the error of a verdict", () => {
  test.each([
    ["DIGEST_MALFORMED", 6, lines(["Md5", "x"])],
    ["DIGEST_MISMATCHED", 6, lines(["Md5", values.Md5.wrong], ["Size", "1"])],
    ["SIZE_MISMATCHED", 6, lines(["Md5", values.Md5.right], ["Size", "1"])],
    ["DIGEST_UNSUPPORTED", 7, lines(["Content-Digest", "unixsum=:GQU=:"])],
    ["DIGEST_UNVERIFIED", 7, lines(["Size", values.Size.right])],
  ])("is %s", (code, exit, trailer) => {
    const error = verdictError(decideVerdict({ header: FieldLines.empty, trailer, computed }));
    expect(error).toBeInstanceOf(TrailsumError);
    expect([error.code, error.meaning.exit, error.status]).toEqual([code, exit, 400]);
  });

  test("is DIGEST_MISSING", () => {
    const error = verdictError(decideVerdict({ header: lines(["Trailer", "Md5"]), computed }));
    expect([error.code, error.meaning.exit, error.status]).toEqual(["DIGEST_MISSING", 7, 400]);
  });
});

describe("the problem document of an error", () => {
  test("has the type, title and status of the table and the sentence of the error", () => {
    expect(errorProblem(new TrailsumError("PATH_FORBIDDEN", "no way out"))).toEqual({
      type: "urn:trailsum:problem:path-forbidden",
      title: "A path that leads out of what is served",
      status: 403,
      detail: "no way out",
    });
    expect(errorProblem(new TrailsumError("REFUSED", "go away", { status: 429 }))).toMatchObject({ status: 429 });
  });

  test("reveals nothing of what went wrong inside", () => {
    const bare = { type: "about:blank", title: "Unexpected error", status: 500, detail: "unexpected error" };
    for (const error of [
      TrailsumError.from(new Error("ENOENT /secret/place")),
      new TrailsumError("FILE_UNREADABLE", "cannot read /secret/place"),
      new TrailsumError("USAGE", "/secret/place"),
    ]) {
      expect(errorProblem(error)).toEqual(bare);
    }
  });

  test("has a type by which the code is found again, for every code with a type of its own", () => {
    const own = Object.entries(errorTable).filter(([, { type }]) => type !== undefined && type !== "about:blank");
    for (const [code, { type }] of own) expect(problemCode(type!)).toBe(code);
    expect(["", "about:blank", "constructor", `${registered}#other`].map(problemCode)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("goes by the media type of RFC 9457", () => expect(problemMediaType).toBe("application/problem+json"));
});
