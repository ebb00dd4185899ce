import { type Algorithm, digestLength, type Digests, type FieldLine, type FieldLines } from "@trailsum/shared";

import { S3Error } from "./s3-errors.ts";

/** The checksums that S3 knows, by its names for them. */
const CHECKSUMS: ReadonlyMap<string, Algorithm> = new Map([
  ["CRC32", "crc32"],
  ["CRC32C", "crc32c"],
  ["CRC64NVME", "crc64nvme"],
  ["SHA1", "sha"],
  ["SHA256", "sha-256"],
  ["SHA512", "sha-512"],
  ["MD5", "md5"],
  ["XXHASH64", "xxhash64"],
  ["XXHASH3", "xxhash3"],
  ["XXHASH128", "xxhash128"],
]);

const NAMES: ReadonlyMap<Algorithm, string> = new Map([...CHECKSUMS].map(([name, algorithm]) => [algorithm, name]));

const PREFIX = "x-amz-checksum-";
/** Fields with that prefix that are not checksums. */
const OTHERS: ReadonlySet<string> = new Set(["x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"]);

/** Every checksum's algorithm. */
export const checksumAlgorithms: readonly Algorithm[] = [...CHECKSUMS.values()];

/** S3's name of an algorithm, in upper case. */
export function checksumName(algorithm: Algorithm): string {
  return NAMES.get(algorithm) ?? algorithm.toUpperCase();
}

/** The name of the element of an XML document that has a checksum of an algorithm. */
export function checksumElement(algorithm: Algorithm): string {
  return `Checksum${checksumName(algorithm)}`;
}

/** The algorithm of that name. Throws `InvalidRequest` for an unknown one. */
export function parseChecksumName(name: string): Algorithm {
  const algorithm = CHECKSUMS.get(name.toUpperCase());
  if (algorithm !== undefined) return algorithm;
  throw new S3Error("InvalidRequest", `Checksum algorithm provided is unsupported: ${JSON.stringify(name)}.`);
}

/** The field that has a checksum of an algorithm. */
export function checksumField(algorithm: Algorithm): string {
  return PREFIX + checksumName(algorithm).toLowerCase();
}

/** The checksum that a request brings, and where. */
export interface DeclaredChecksum {
  /** The algorithm of the checksum. */
  readonly algorithm: Algorithm;
  /** The section of the field that declares it. */
  readonly section: "header" | "trailer";
}

/** Reads which checksum a request brings; undefined if it brings none. Throws `InvalidRequest` for what contradicts itself. */
export function declaredChecksum(header: FieldLines): DeclaredChecksum | undefined {
  const trailers = header.list("x-amz-trailer").map((name) => name.toLowerCase());
  const headers = [...header]
    .map(([name]) => name.toLowerCase())
    .filter((name) => name.startsWith(PREFIX) && !OTHERS.has(name));
  const [name, ...more] = [...headers, ...trailers];
  if (more.length > 0) {
    throw new S3Error(
      "InvalidRequest",
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    );
  }
  const section = headers.length > 0 ? "header" : "trailer";
  const hint = header.get("x-amz-sdk-checksum-algorithm");
  if (name === undefined) {
    if (hint === undefined) return undefined;
    throw new S3Error(
      "InvalidRequest",
      "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
    );
  }
  const algorithm = name.startsWith(PREFIX) ? CHECKSUMS.get(name.slice(PREFIX.length).toUpperCase()) : undefined;
  if (algorithm === undefined) {
    const what =
      section === "trailer" ? "The value specified in the x-amz-trailer header" : `The header ${JSON.stringify(name)}`;
    throw new S3Error("InvalidRequest", `${what} is not supported.`);
  }
  if (hint !== undefined && hint.toUpperCase() !== checksumName(algorithm)) {
    throw new S3Error("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.");
  }
  if (section === "header" && parseChecksum(algorithm, header.get(name)!) === undefined) {
    throw new S3Error("InvalidRequest", `Value for ${name} header is invalid.`);
  }
  return { algorithm, section };
}

/** A checksum in base64; undefined if it is not one of that algorithm. */
function parseChecksum(algorithm: Algorithm, text: string): Buffer | undefined {
  const value = Buffer.from(text, "base64");
  return value.length === digestLength(algorithm) && value.toString("base64") === text ? value : undefined;
}

/** The fields that state checksums of whole content. */
export function checksumFields(digests: Digests | undefined, algorithms: readonly Algorithm[]): FieldLine[] {
  const fields = algorithms.flatMap((algorithm): FieldLine[] => {
    const value = digests?.values.get(algorithm);
    return value === undefined ? [] : [[checksumField(algorithm), value.toString("base64")]];
  });
  return fields.length === 0 ? [] : [...fields, ["x-amz-checksum-type", "FULL_OBJECT"]];
}
