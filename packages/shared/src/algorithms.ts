import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

import type * as HashWasm from "hash-wasm";

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
  /** What it takes to forge a digest, as a rank: checksums, then broken hash functions, then secure ones. */
  readonly strength: 0 | 1 | 2 | 3 | 4;
  /**
   * The weight with which it is asked for in `Want-Content-Digest` and `Want-Repr-Digest` (RFC 9530 section 4); undefined
   * for algorithms that the dictionary fields of RFC 9530 are not sent with: only other fields name those.
   */
  readonly weight?: number;
  readonly create: () => Hasher | Promise<Hasher>;
}

/**
 * The name of a digest algorithm, as in a `Content-Digest` field. `adler` and the xxHash family are read in other
 * integrity fields only.
 */
export type Algorithm =
  | "md5"
  | "sha"
  | "sha-256"
  | "sha-512"
  | "crc32c"
  | "crc32"
  | "crc64nvme"
  | "adler"
  | "xxhash64"
  | "xxhash3"
  | "xxhash128";

const table: Readonly<Record<Algorithm, AlgorithmRow>> = {
  md5: { bytes: 16, strength: 1, weight: 1, create: () => createHash("md5") },
  sha: { bytes: 20, strength: 2, weight: 1, create: () => createHash("sha1") },
  "sha-256": { bytes: 32, strength: 3, weight: 10, create: () => createHash("sha256") },
  "sha-512": { bytes: 64, strength: 4, weight: 9, create: () => createHash("sha512") },
  crc32c: { bytes: 4, strength: 0, weight: 3, create: fromWasm((module) => module.createCRC32(0x82f63b78)) },
  // The names under which S3 knows the next two. No HTTP registry has them, so only a peer that knows them checks them.
  crc32: { bytes: 4, strength: 0, weight: 2, create: createCrc32 },
  crc64nvme: { bytes: 8, strength: 0, weight: 4, create: fromWasm((module) => module.createCRC64("9a6c9329ac4bc9b5")) },
  adler: { bytes: 4, strength: 0, create: fromWasm((module) => module.createAdler32()) },
  xxhash64: { bytes: 8, strength: 0, create: fromWasm((module) => module.createXXHash64()) },
  xxhash3: { bytes: 8, strength: 0, create: fromWasm((module) => module.createXXHash3()) },
  xxhash128: { bytes: 16, strength: 0, create: fromWasm((module) => module.createXXHash128()) },
};

/** Every algorithm that can be computed. */
export const allAlgorithms: readonly Algorithm[] = Object.keys(table).filter(isAlgorithm);

/** The algorithms of digest fields (RFC 9530): those that can be chosen, asked for and sent. */
export const algorithms: readonly Algorithm[] = allAlgorithms.filter(isDigestFieldAlgorithm);

/** Whether `name` is an algorithm that can be computed. Names are lower case. */
export function isAlgorithm(name: string): name is Algorithm {
  return Object.hasOwn(table, name);
}

/** Whether `name` is an algorithm of digest fields. Names are lower case. */
export function isDigestFieldAlgorithm(name: string): name is Algorithm {
  return isAlgorithm(name) && table[name].weight !== undefined;
}

/**
 * The algorithm of that name, in any case.
 *
 * @throws `UNKNOWN_ALGORITHM` for a name that is not among {@link algorithms}.
 */
export function parseAlgorithm(name: string): Algorithm {
  const key = name.trim().toLowerCase();
  if (isDigestFieldAlgorithm(key)) return key;
  throw new TrailsumError(
    "UNKNOWN_ALGORITHM",
    `unknown digest algorithm "${name}": use one of ${algorithms.join(", ")}`,
  );
}

/** What it takes to forge a digest of that algorithm, as a rank from 0, a checksum, to 4. */
export function strengthOf(algorithm: Algorithm): number {
  return table[algorithm].strength;
}

/** The preference with which an algorithm is requested, from 1 to 10; 0 if it is never requested. */
export function preferenceWeight(algorithm: Algorithm): number {
  return table[algorithm].weight ?? 0;
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

/** A hash function in WebAssembly, of one instance. It can be used again after its digest. */
type WasmHasher = Pick<HashWasm.IHasher, "init" | "update"> & { digest(as: "binary"): Uint8Array };

/** How many instances of an algorithm are kept for the next content. Making one takes as long as hashing 64 KiB. */
const KEPT_INSTANCES = 8;

/** Makes the hashers of an algorithm in WebAssembly. */
function fromWasm(instantiate: (module: typeof HashWasm) => Promise<WasmHasher>): AlgorithmRow["create"] {
  const unused: WasmHasher[] = [];
  const begin = (instance: WasmHasher): Hasher => {
    instance.init();
    let own: WasmHasher | undefined = instance;
    return {
      update(chunk) {
        if (own === undefined) throw new TrailsumError("INTERNAL", "the digest was taken before");
        own.update(chunk);
      },
      digest() {
        if (own === undefined) throw new TrailsumError("INTERNAL", "the digest was taken before");
        const digest = Buffer.from(own.digest("binary"));
        if (unused.length < KEPT_INSTANCES) unused.push(own);
        own = undefined;
        return digest;
      },
    };
  };
  return () => {
    const instance = unused.pop();
    // Code that most transfers never need is loaded when it is first used.
    return instance === undefined ? import("hash-wasm").then(instantiate).then(begin) : begin(instance);
  };
}
