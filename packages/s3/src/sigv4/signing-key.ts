import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";

/** What a key signs for: a day, a region and a service. */
export interface CredentialScope {
  /** Eight digits. */
  readonly day: string;
  readonly region: string;
}

/** Signs with the key of one day, region and service. */
export class Signer {
  readonly #key: KeyObject;
  /** The lines of every string to sign between its name and its content. */
  readonly #context: string;

  /** `time` is that of the request, as `X-Amz-Date` has it. */
  constructor(secret: string, time: string, { day, region }: CredentialScope) {
    this.#key = signingKey(secret, day, region);
    this.#context = `${time}\n${day}/${region}/s3/aws4_request`;
  }

  /** The signature over `lines`, in hex. `kind` is what follows `AWS4-HMAC-SHA256` in its name. */
  sign(kind: "" | "-PAYLOAD" | "-TRAILER", lines: readonly string[]): string {
    return hmac(this.#key, [`AWS4-HMAC-SHA256${kind}`, this.#context, ...lines].join("\n")).toString("hex");
  }
}

/** How many keys are kept: each holds for a day, and deriving one takes four fifths of the time of a signature. */
const MOST_KEYS = 16;

/** The keys that were derived last, by secret, day and region. */
const derived = new Map<string, KeyObject>();

function signingKey(secret: string, day: string, region: string): KeyObject {
  const name = JSON.stringify([day, region, secret]);
  const known = derived.get(name);
  if (known !== undefined) return known;
  const bytes = [day, region, "s3", "aws4_request"].reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`));
  // Node finds out what other keys are by errors that it catches.
  const key = createSecretKey(bytes);
  const [oldest] = derived.keys();
  if (oldest !== undefined && derived.size >= MOST_KEYS) derived.delete(oldest);
  derived.set(name, key);
  return key;
}

function hmac(key: Buffer | KeyObject, content: string): Buffer {
  return createHmac("sha256", key).update(content).digest();
}

/** Whether two signatures in hex are the same. The time that it takes does not depend on how much of them is. */
export function sameSignature(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one, "latin1"), Buffer.from(other, "latin1"));
}
