import { createHash, type Hash } from "node:crypto";

import type { FieldLine } from "@trailsum/shared";

import { S3Error } from "../s3-errors.ts";
import { sha256Hex } from "../sigv4/canonical-request.ts";
import { sameSignature, type Signer } from "../sigv4/signing-key.ts";

const EMPTY_SHA256 = sha256Hex("");

/** Checks the signatures of chunks, each of which continues from the one before, and of the trailer after them. */
export class ChunkSignatures {
  readonly #signer: Signer;
  #previous: string;
  #expected = "";
  #hash: Hash = createHash("sha256");

  /** `seed` is the signature of the request. */
  constructor(signer: Signer, seed: string) {
    this.#signer = signer;
    this.#previous = seed;
  }

  /** Begins a chunk that is said to have this signature. */
  begin(signature: string): void {
    this.#expected = signature;
    this.#hash = createHash("sha256");
  }

  /** Takes bytes of the chunk. */
  update(bytes: Buffer): void {
    this.#hash.update(bytes);
  }

  /** Ends the chunk. Throws `SignatureDoesNotMatch`. */
  end(): void {
    this.#check("-PAYLOAD", [this.#previous, EMPTY_SHA256, this.#hash.digest("hex")], this.#expected);
  }

  /** Checks the signature of the trailer section. Throws `SignatureDoesNotMatch`. */
  checkTrailer(lines: readonly FieldLine[], signature: string): void {
    const section = lines.map(([name, value]) => `${name}:${value}\n`).join("");
    this.#check("-TRAILER", [this.#previous, sha256Hex(Buffer.from(section, "latin1"))], signature);
  }

  #check(kind: "-PAYLOAD" | "-TRAILER", lines: readonly string[], signature: string): void {
    if (!sameSignature(this.#signer.sign(kind, lines), signature)) throw new S3Error("SignatureDoesNotMatch");
    this.#previous = signature;
  }
}
