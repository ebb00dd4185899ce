import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

import { TrailsumError } from "./errors.ts";

/** Something that takes bytes and, once, gives their digest. */
export interface Hasher {
  update(chunk: Uint8Array): void;
  /** The digest, in network byte order. Call it once. */
  digest(): Buffer;
}

interface AlgorithmRow {
  /** Length of the digest in bytes. */
  readonly bytes: number;
  /** Whether the name stands in IANA's registry of hash algorithms for HTTP digest fields (RFC 9530 section 7.2). */
  readonly registered: boolean;
  readonly create: () => Hasher | Promise<Hasher>;
}

/** The name of a digest algorithm, as it stands in a `Content-Digest` field. */
export type Algorithm = "md5" | "sha" | "sha-256" | "sha-512" | "crc32c" | "crc32" | "crc64nvme";

const table: Readonly<Record<Algorithm, AlgorithmRow>> = {
  md5: { bytes: 16, registered: true, create: () => createHash("md5") },
  sha: { bytes: 20, registered: true, create: () => createHash("sha1") },
  "sha-256": { bytes: 32, registered: true, create: () => createHash("sha256") },
  "sha-512": { bytes: 64, registered: true, create: () => createHash("sha512") },
  crc32c: { bytes: 4, registered: true, create: createCrc32c },
  // The names under which S3 knows the next two. They are in no HTTP registry, so only who knows them will check them.
  crc32: { bytes: 4, registered: false, create: createCrc32 },
  crc64nvme: { bytes: 8, registered: false, create: createCrc64Nvme },
};

/** Every algorithm known here. */
export const algorithms: readonly Algorithm[] = Object.keys(table).filter(isAlgorithm);

/** Whether `name` is an algorithm known here. Names are lower case. */
export function isAlgorithm(name: string): name is Algorithm {
  return Object.hasOwn(table, name);
}

/** The algorithm of that name, in any case; `UNKNOWN_ALGORITHM` with a sentence that lists the known ones otherwise. */
export function parseAlgorithm(name: string): Algorithm {
  const key = name.trim().toLowerCase();
  if (isAlgorithm(key)) return key;
  throw new TrailsumError(
    "UNKNOWN_ALGORITHM",
    `unknown digest algorithm "${name}": use one of ${algorithms.join(", ")}`,
  );
}

/** How many bytes a digest of that algorithm has. */
export function digestLength(algorithm: Algorithm): number {
  return table[algorithm].bytes;
}

/** A fresh hasher. It is a promise for the algorithms that are compiled when first used. */
export function createHasher(algorithm: Algorithm): Hasher | Promise<Hasher> {
  return table[algorithm].create();
}

function createCrc32(): Hasher {
  let state = 0;
  return {
    update(chunk) {
      state = crc32(chunk, state);
    },
    digest() {
      const digest = Buffer.alloc(4);
      digest.writeUInt32BE(state);
      return digest;
    },
  };
}

// Loaded when first asked for: WebAssembly that most transfers never need.
async function createCrc32c(): Promise<Hasher> {
  const { createCRC32 } = await import("hash-wasm");
  return wasmHasher(await createCRC32(0x82f63b78));
}

async function createCrc64Nvme(): Promise<Hasher> {
  const { createCRC64 } = await import("hash-wasm");
  return wasmHasher(await createCRC64("9a6c9329ac4bc9b5"));
}

function wasmHasher(hasher: {
  init(): unknown;
  update(chunk: Uint8Array): unknown;
  digest(as: "binary"): Uint8Array;
}): Hasher {
  hasher.init();
  return {
    update(chunk) {
      hasher.update(chunk);
    },
    digest: () => Buffer.from(hasher.digest("binary")),
  };
}
