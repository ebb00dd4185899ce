import { expect, describe, test } from "vitest";

import { decideVerdict, type FieldLine, type Verdict } from "../src/index.ts";
import vectors from "./digest-vectors.json" with { type: "json" };
import { computed, content, digestsOf, lines, tampered, values } from "./message.ts";

const vector = vectors.bodies["hello-LF (RFC9530 App A/B default body)"];
const hex = (base64: string): string => Buffer.from(base64, "base64").toString("hex");

function verdictOn(...header: FieldLine[]): Verdict {
  return decideVerdict({ header: lines(...header), computed });
}

describe("fields of other protocols, with the digests of the vectors", () => {
  test("the vector is the content of these tests", () => expect(content.toString()).toBe(vector.utf8));

  test.each<[string, string, string[]]>([
    ["Digest", `SHA-256=${vector["sha-256"]}, MD5=${vector.md5}`, ["sha-256", "md5"]],
    ["Digest", `sha-512=${vector["sha-512"]},sha=${vector.sha}`, ["sha-512", "sha"]],
    ["Digest", `adler32=${hex(vector.adler)}, CRC32c=${hex(vector.crc32c).toUpperCase()}`, ["adler", "crc32c"]],
    ["X-Goog-Hash", `crc32c=${vector.crc32c},md5=${vector.md5}`, ["md5", "crc32c"]],
    [
      "OC-Checksum",
      `SHA1:${hex(vector.sha)} MD5:${hex(vector.md5)} ADLER32:${hex(vector.adler)}`,
      ["sha", "md5", "adler"],
    ],
    ["OC-Checksum", `SHA256:${hex(vector["sha-256"])}`, ["sha-256"]],
    ["X-Amz-Checksum-Crc64nvme", vector.crc64nvme, ["crc64nvme"]],
    ["x-amz-checksum-sha1", vector.sha, ["sha"]],
    ["Unencoded-Digest", `sha-256=:${vector["sha-256"]}:`, ["sha-256"]],
  ])("%s: %s is verified by %j", (name, value, algorithms) => {
    expect(verdictOn([name, value])).toMatchObject({ name: "verified", algorithms });
  });

  test("the xxHash family is as `xxhsum` computes it, in network byte order", async () => {
    const digests = await digestsOf(Buffer.from("abc"), ["xxhash64", "xxhash3", "xxhash128"]);
    expect([...digests.values.values()].map((value) => value.toString("hex"))).toEqual([
      "44bc2cf5ad770999",
      "78af5f94892f3950",
      "06b05ab6733a618578af5f94892f3950",
    ]);
  });

  test("x-goog-hash on two lines counts as one list", () => {
    const verdict = verdictOn(["x-goog-hash", `crc32c=${vector.crc32c}`], ["x-goog-hash", `md5=${vector.md5}`]);
    expect(verdict.algorithms).toEqual(["md5", "crc32c"]);
  });
});

describe("a field of another protocol", () => {
  test.each<[string, string]>([
    ["Digest", `SHA-256=${hex(vector["sha-256"])}`],
    ["Digest", `adler32=${vector.adler}`],
    ["Digest", "SHA-256"],
    ["Digest", `=${vector.md5}`],
    ["x-goog-hash", `md5=${vector.crc32c}`],
    ["x-goog-hash", `md5=${vector.md5},md5=${values["Content-MD5"].wrong}`],
    ["OC-Checksum", `SHA1:${vector.sha}`],
    ["OC-Checksum", hex(vector.sha)],
    ["x-amz-checksum-crc32", `${vector.crc32}, `.repeat(2).replace(vector.crc32, vector.crc32c)],
    ["x-amz-checksum-crc32", ""],
  ])("%s: %j is malformed", (name, value) => expect(verdictOn([name, value]).name).toBe("malformed"));

  test.each<[string, string, string]>([
    ["Digest", "UNIXsum=30637", "unixsum"],
    ["Digest", `id-sha-256=${vector["sha-256"]}`, "id-sha-256"],
    ["OC-Checksum", "SHA3-256:00", "sha3-256"],
    ["x-goog-hash", "__proto__=AAAA", "__proto__"],
  ])("%s: %s is of an algorithm that is not known", (name, value, algorithm) => {
    expect(verdictOn([name, value])).toMatchObject({ name: "unverified", unsupported: [{ algorithm }] });
  });

  test("of S3 that is a checksum of parts claims nothing of the content", () => {
    const verdict = verdictOn(["x-amz-checksum-crc32", `${tampered.values.get("crc32")!.toString("base64")}-3`]);
    expect(verdict).toMatchObject({ name: "unverified", checked: [], malformed: [], unsupported: [] });
  });

  test("of Google is about the object as it is stored, and not of what was decoded on the way", () => {
    const wrong: FieldLine = ["x-goog-hash", values["x-goog-hash"].wrong];
    const stored: FieldLine = ["x-goog-stored-content-encoding", "gzip"];
    expect(verdictOn(wrong, stored).name).toBe("unverified");
    expect(verdictOn(wrong, stored, ["Content-Encoding", "gzip"]).name).toBe("mismatched");
    expect(verdictOn(wrong, ["x-goog-stored-content-encoding", "identity"]).name).toBe("mismatched");
  });
});

describe("Unencoded-Digest", () => {
  const wrong: FieldLine = ["Unencoded-Digest", values["Unencoded-Digest"].wrong];

  test("is about the content where there is no content coding", () => {
    expect(verdictOn(wrong).name).toBe("mismatched");
    expect(verdictOn(wrong, ["Content-Encoding", "Identity"]).name).toBe("mismatched");
  });

  test("is left aside where there is one", () => {
    const coded: FieldLine = ["Content-Encoding", "gzip"];
    expect(verdictOn(wrong, coded).name).toBe("unverified");
    expect(verdictOn(wrong, coded, ["Content-Digest", values["Content-Digest"].right]).name).toBe("verified");
  });
});
