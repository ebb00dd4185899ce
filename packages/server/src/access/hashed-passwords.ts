import { randomBytes } from "node:crypto";

import { TrailsumError } from "@trailsum/shared";

import { clientNetwork } from "./client-address.ts";
import { type BasicCredentials, fingerprint, type PasswordCheck } from "./credentials.ts";
import { FairQueue } from "./fair-queue.ts";
import { isPassword, parsePasswordHash, type PasswordHash } from "./password-hash.ts";

/** How many credentials are remembered as right, and as many as wrong. */
const REMEMBERED = 1_000;

/**
 * Checks user names and passwords by a password file: one `user:hash` a line, with hashes as {@link hashPassword} writes
 * them; empty lines and lines that begin with `#` are skipped. Throws `USAGE` for any other line.
 *
 * A check is expensive on purpose, so it runs once for the same credentials, one at a time, in turn for each client
 * address. A client that sends more wrong credentials than can be checked gets 503, and other clients do not.
 */
export function hashedPasswords(file: string): PasswordCheck {
  const users = parsePasswordFile(file);
  const [[, sample] = []] = users;
  if (sample === undefined) throw new TrailsumError("USAGE", "the password file names no user");
  // An unknown user costs what a known one does, so that the time does not say which names exist.
  const nothing: PasswordHash = { ...sample, salt: randomBytes(16), hash: randomBytes(sample.hash.length) };
  const queue = new FairQueue();
  const results = { right: new RecentKeys(REMEMBERED), wrong: new RecentKeys(REMEMBERED) };
  const running = new Map<string, Promise<boolean>>();

  async function check({ user, password }: BasicCredentials, key: string, client: string): Promise<boolean> {
    try {
      const right = await queue.run(client, () => isPassword(password, users.get(user) ?? nothing));
      results[right ? "right" : "wrong"].add(key);
      return right;
    } finally {
      running.delete(key);
    }
  }

  return (credentials, { clientAddress }) => {
    // The separator is not in either: control characters have been refused.
    const key = fingerprint(`${credentials.user}\0${credentials.password}`).toString("latin1");
    if (results.right.has(key)) return true;
    if (results.wrong.has(key)) return false;
    const result = running.get(key) ?? check(credentials, key, clientNetwork(clientAddress));
    // The queue refuses in a later turn, so the entry of a refused check is removed after this.
    running.set(key, result);
    return result;
  };
}

function parsePasswordFile(text: string): Map<string, PasswordHash> {
  const users = new Map<string, PasswordHash>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, user = "", hash = ""] = /^([^:\p{Cc}]+):(.*?)\s*$/u.exec(line) ?? [];
    if (users.has(user)) throw wrongLine(at, "names a user a second time");
    try {
      users.set(user.normalize("NFC"), parsePasswordHash(hash));
    } catch (cause) {
      // The line may hold a password in plain text.
      throw wrongLine(at, `is not user:hash: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
    }
  }
  return users;
}

function wrongLine(at: number, what: string, cause?: unknown): TrailsumError {
  return new TrailsumError("USAGE", `line ${at + 1} of the password file ${what}`, { cause });
}

/** The keys that were added or found last. */
class RecentKeys {
  readonly #keys = new Set<string>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(key: string): void {
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size > this.#limit) for (const oldest of this.#keys) return void this.#keys.delete(oldest);
  }

  has(key: string): boolean {
    const found = this.#keys.has(key);
    if (found) this.add(key);
    return found;
  }
}
