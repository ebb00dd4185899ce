import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

import { TrailsumError } from "@trailsum/shared";

/** A password that was hashed with scrypt (RFC 7914). */
export interface PasswordHash {
  /** The binary logarithm of the cost. */
  readonly ln: number;
  /** The block size. */
  readonly r: number;
  /** The parallelization. */
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** 32 MiB and about a quarter of a second. */
const COST = { ln: 15, r: 8, p: 3 };

/** What a hash in a file may cost at most: a misprint must not cost gigabytes. Bytes, and bytes of work. */
const MAX_MEMORY = 256 * 1024 * 1024;
const MAX_WORK = 1024 * 1024 * 1024;

/**
 * Hashes a password with scrypt and a new salt, in the PHC string format: `$scrypt$ln=15,r=8,p=3$salt$hash`, where salt
 * and hash are base64 without padding.
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, { ...COST, salt, hash: Buffer.alloc(32) });
  const base64 = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${base64(salt)}$${base64(hash)}`;
}

/** Whether this is the password that was hashed. */
export async function isPassword(password: string, expected: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, expected), expected.hash);
}

const FORMAT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([\w+/]{11,86})\$([\w+/]{22,86})$/;

/** Reads what {@link hashPassword} wrote. Throws `USAGE` for anything else and for hashes that cost too much to check. */
export function parsePasswordHash(text: string): PasswordHash {
  const [, ln, r, p, salt = "", hash = ""] = FORMAT.exec(text) ?? [];
  const parsed = {
    ln: Number(ln),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
  if (!(parsed.ln > 0 && parsed.r > 0 && parsed.p > 0)) {
    throw new TrailsumError("USAGE", "not a scrypt hash: it must look like $scrypt$ln=15,r=8,p=3$salt$hash");
  }
  if (memory(parsed) > MAX_MEMORY || memory(parsed) * parsed.p > MAX_WORK) {
    throw new TrailsumError("USAGE", "this hash costs too much to check: at most 256 MiB, and 1 GiB of work");
  }
  return parsed;
}

function memory({ ln, r }: PasswordHash): number {
  return 128 * 2 ** ln * r;
}

function derive(password: string, cost: PasswordHash): Promise<Buffer> {
  const { ln, r, p, salt, hash } = cost;
  return new Promise((resolve, reject) => {
    // What Node allows by default is less than what it takes, by the blocks of `p`.
    const options = { N: 2 ** ln, r, p, maxmem: 2 * memory(cost) + 256 * r * p };
    scrypt(password.normalize("NFC"), salt, hash.length, options, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}
