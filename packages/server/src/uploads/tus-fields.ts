import {
  type Algorithm,
  decideVerdict,
  type FieldLine,
  FieldLines,
  formatDigestField,
  isFieldValue,
  TrailsumError,
} from "@trailsum/shared";

import type { VerificationPolicy } from "../verify-request.ts";
import type { PartCheck } from "./upload.ts";

/** The version of tus that is spoken, and its extensions. */
export const TUS_VERSION = "1.0.0";
const EXTENSIONS =
  "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum,checksum-trailer";

/** The names of algorithms in `Upload-Checksum`. */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ["sha1", "sha"],
  ["sha256", "sha-256"],
  ["sha512", "sha-512"],
  ["md5", "md5"],
  ["crc32", "crc32"],
  ["crc32c", "crc32c"],
]);

/** What OPTIONS says of tus. */
export function tusOptions({ maxSize }: VerificationPolicy): FieldLine[] {
  return [
    ["Tus-Resumable", TUS_VERSION],
    ["Tus-Version", TUS_VERSION],
    ["Tus-Extension", EXTENSIONS],
    ["Tus-Checksum-Algorithm", [...ALGORITHMS.keys()].join(",")],
    ...(maxSize === undefined ? [] : [["Tus-Max-Size", String(maxSize)] as const]),
  ];
}

/** `Upload-Metadata`: keys, and values in base64. Throws `PROTOCOL` for anything else. */
export function parseMetadata(value: string | undefined): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  for (const pair of value === undefined || value === "" ? [] : value.split(",")) {
    const [, key, base64 = ""] = /^[ \t]*([^ ,]+)(?: +([\w+/-]*={0,2}))?[ \t]*$/.exec(pair) ?? [];
    if (key === undefined || metadata.has(key))
      throw new TrailsumError("PROTOCOL", "Upload-Metadata is not a list of different keys with values in base64");
    metadata.set(key, Buffer.from(base64, "base64").toString());
  }
  return metadata;
}

/** The fields described by the metadata of an upload: `filetype` is kept with the object. */
export function fieldsOfMetadata(metadata: ReadonlyMap<string, string>): FieldLine[] {
  const type = metadata.get("filetype") ?? "";
  return type !== "" && isFieldValue(type) ? [["Content-Type", type]] : [];
}

/** The digest of the whole that the metadata say: `checksum`, as in `sha256 2cf24dba...`. */
export function claimOfMetadata(metadata: ReadonlyMap<string, string>): FieldLine[] {
  const checksum = metadata.get("checksum");
  if (checksum === undefined) return [];
  const [, name = "", hex = ""] = /^(\S+) ([0-9a-f]+)$/i.exec(checksum) ?? [];
  const algorithm = ALGORITHMS.get(name.toLowerCase());
  if (algorithm === undefined)
    throw new TrailsumError("DIGEST_UNSUPPORTED", "the checksum in Upload-Metadata is not an algorithm and hex digits");
  return [["Repr-Digest", digestField(algorithm, Buffer.from(hex, "hex"))]];
}

/** The check of one append by `Upload-Checksum`, in the header or announced as a trailer. Undefined without one. */
export function checksumCheck(header: FieldLines): PartCheck | undefined {
  const value = header.get("Upload-Checksum");
  if (value !== undefined) {
    const { algorithm, line } = parseChecksum(value);
    return {
      algorithms: [algorithm],
      decide: (_trailer, computed) => decideVerdict({ header: FieldLines.from([line]), computed }),
    };
  }
  if (!header.list("Trailer").some((name) => name.toLowerCase() === "upload-checksum")) return undefined;
  return {
    algorithms: [...ALGORITHMS.values()],
    decide(trailer, computed) {
      const came = trailer.get("Upload-Checksum");
      const announced: FieldLine = ["Trailer", "Content-Digest"];
      const claim = came === undefined ? [] : [parseChecksum(came).line];
      return decideVerdict({ header: FieldLines.from([announced]), trailer: FieldLines.from(claim), computed });
    },
  };
}

/** Reads `sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=`, as the digest field that says the same. */
function parseChecksum(value: string): { algorithm: Algorithm; line: FieldLine } {
  const [name = "", base64 = "", ...others] = value.trim().split(/ +/);
  const algorithm = ALGORITHMS.get(name);
  if (algorithm === undefined || others.length > 0) {
    const known = [...ALGORITHMS.keys()].join(", ");
    throw new TrailsumError("DIGEST_UNSUPPORTED", `Upload-Checksum is an algorithm and base64: use one of ${known}`);
  }
  return { algorithm, line: ["Content-Digest", `${algorithm}=:${base64}:`] };
}

function digestField(algorithm: Algorithm, digest: Buffer): string {
  return formatDigestField({ size: 0, values: new Map([[algorithm, digest]]) });
}
