import {
  type Algorithm,
  allAlgorithms,
  createDigester,
  type Digests,
  type FieldLine,
  FieldLines,
  type IntegrityFieldName,
} from "../src/index.ts";

/** Field lines in few words. */
export const lines = (...pairs: FieldLine[]): FieldLines => FieldLines.from(pairs);

/** What a receiver finds in `content`. */
export async function digestsOf(content: Uint8Array, names: readonly Algorithm[] = allAlgorithms): Promise<Digests> {
  const digester = await createDigester(names);
  digester.update(content);
  return digester.digest();
}

/** The digest of `algorithm` in `digests`, as a member of a digest field. */
export function member(digests: Digests, algorithm: Algorithm): string {
  return `${algorithm}=:${digests.values.get(algorithm)!.toString("base64")}:`;
}

/** The content that the tests are about, and what a receiver finds in it. */
export const content: Buffer = Buffer.from('{"hello": "world"}\n');
export const computed: Digests = await digestsOf(content);

/** What a receiver would find in other content of another size: every claim about it is wrong about `content`. */
export const tampered: Digests = await digestsOf(Buffer.from('{"hello": "woXYZ!"}\n'));

/** A value that holds, one that does not, and one that cannot be understood. */
export interface FieldValues {
  readonly right: string;
  readonly wrong: string;
  readonly garbled: string;
}

/** For each integrity field, values of these kinds. */
export const values: Readonly<Record<IntegrityFieldName, FieldValues>> = {
  Md5: valuesOf((digests) => text(digests, "md5", "hex"), "no hex"),
  Size: valuesOf(({ size }) => String(size), "-1"),
  "Content-Digest": valuesOf((digests) => member(digests, "sha-256"), "sha-256=:AAAA:"),
  "Repr-Digest": valuesOf((digests) => member(digests, "sha-512"), "sha-512=:====:"),
  "Unencoded-Digest": valuesOf((digests) => member(digests, "sha-256"), "sha-256=AAAA"),
  "Content-MD5": valuesOf((digests) => text(digests, "md5", "base64"), "AAAA"),
  Digest: valuesOf((digests) => `SHA-256=${text(digests, "sha-256", "base64")}`, "SHA-256=:AAAA:"),
  "x-goog-hash": valuesOf((digests) => `crc32c=${text(digests, "crc32c", "base64")}`, "crc32c"),
  "OC-Checksum": valuesOf((digests) => `SHA1:${text(digests, "sha", "hex")}`, "SHA1:AB"),
  "x-amz-checksum-crc32": amazon("crc32"),
  "x-amz-checksum-crc32c": amazon("crc32c"),
  "x-amz-checksum-crc64nvme": amazon("crc64nvme"),
  "x-amz-checksum-sha1": amazon("sha"),
  "x-amz-checksum-sha256": amazon("sha-256"),
  "x-amz-checksum-sha512": amazon("sha-512"),
  "x-amz-checksum-md5": amazon("md5"),
  "x-amz-checksum-xxhash64": amazon("xxhash64"),
  "x-amz-checksum-xxhash3": amazon("xxhash3"),
  "x-amz-checksum-xxhash128": amazon("xxhash128"),
};

function amazon(algorithm: Algorithm): FieldValues {
  return valuesOf((digests) => text(digests, algorithm, "base64"), "no base64");
}

function valuesOf(value: (digests: Digests) => string, garbled: string): FieldValues {
  return { right: value(computed), wrong: value(tampered), garbled };
}

function text(digests: Digests, algorithm: Algorithm, encoding: "hex" | "base64"): string {
  return digests.values.get(algorithm)!.toString(encoding);
}
