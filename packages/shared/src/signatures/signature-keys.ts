import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  sign as signWith,
  timingSafeEqual,
  verify as verifyWith,
} from "node:crypto";

import { TrailsumError } from "../errors.ts";

/** The algorithms that messages are signed with (RFC 9421 sections 3.3.3 and 3.3.6). */
export type SignatureAlgorithm = "ed25519" | "hmac-sha256";

/** A key, and the one algorithm that it is used with. */
export interface SignatureKey {
  /** The name of the key: `keyid`. */
  readonly keyId: string;
  /** The algorithm: a signature that names a different algorithm is not verified with this key. */
  readonly algorithm: SignatureAlgorithm;
  /** A private key to sign with and a public one to verify with (`ed25519`), or the shared secret of both (`hmac-sha256`). */
  readonly key: KeyObject;
}

/** Signs a signature base. */
export function signBase(base: string, { algorithm, key }: SignatureKey): Buffer {
  const bytes = Buffer.from(base, "latin1");
  return algorithm === "ed25519" ? signWith(null, bytes, key) : createHmac("sha256", key).update(bytes).digest();
}

/** Whether a signature of a base was made with this key. */
export function isSignedBy(base: string, signature: Buffer, { algorithm, key }: SignatureKey): boolean {
  const bytes = Buffer.from(base, "latin1");
  if (algorithm === "ed25519") return verifyWith(null, bytes, key, signature);
  const expected = createHmac("sha256", key).update(bytes).digest();
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}

/**
 * Reads keys of a JWK Set (RFC 7517 section 5) or of one JWK: `OKP` keys with the curve Ed25519, and `oct` keys for HMAC with
 * SHA-256. Each needs a `kid`. Or one Ed25519 key in PEM, private or public (RFC 8410): its name is the thumbprint of its JWK
 * (RFC 7638), the same for both halves. `USAGE` for anything else, so that no key is left out without a word.
 */
export function parseSignatureKeys(text: string): SignatureKey[] {
  if (text.includes("-----BEGIN ")) return [pemKey(text)];
  const set = parseJson(text);
  const keys = Array.isArray(set["keys"]) ? (set["keys"] as Readonly<Record<string, unknown>>[]) : [set];
  return keys.map(signatureKey);
}

function signatureKey(jwk: Readonly<Record<string, unknown>>): SignatureKey {
  const { kid: keyId, kty, crv, k, d } = jwk;
  if (typeof keyId !== "string" || keyId === "") throw unusable("a key has no kid");
  try {
    if (kty === "OKP" && crv === "Ed25519") {
      const given = { key: { ...jwk }, format: "jwk" } as const;
      return { keyId, algorithm: "ed25519", key: d === undefined ? createPublicKey(given) : createPrivateKey(given) };
    }
    if (kty === "oct" && typeof k === "string" && Buffer.from(k, "base64url").length >= MIN_SECRET) {
      return { keyId, algorithm: "hmac-sha256", key: createSecretKey(Buffer.from(k, "base64url")) };
    }
  } catch (cause) {
    throw unusable(`the key ${JSON.stringify(keyId)} is not valid`, cause);
  }
  throw unusable(`the key ${JSON.stringify(keyId)} is neither Ed25519 nor a secret of at least ${MIN_SECRET} bytes`);
}

/** The key of a PEM file. Of a private key the public one is a part. */
function pemKey(text: string): SignatureKey {
  let key: KeyObject;
  try {
    key = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text) ? createPrivateKey(text) : createPublicKey(text);
  } catch (cause) {
    throw unusable("the PEM text is not a key without a passphrase", cause);
  }
  if (key.asymmetricKeyType !== "ed25519") throw unusable("the key in PEM is not Ed25519");
  return { keyId: thumbprint(key), algorithm: "ed25519", key };
}

/** RFC 7638 section 3, for a key of RFC 8037 (its section 2): the required members in the order of their names. */
function thumbprint(key: KeyObject): string {
  const { crv, kty, x } = key.export({ format: "jwk" });
  return createHash("sha256").update(JSON.stringify({ crv, kty, x })).digest("base64url");
}

/** A shorter secret than the output of the hash is weaker than the signature (RFC 2104 section 3). Bytes. */
const MIN_SECRET = 32;

function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Its message would quote the text, which is secret.
  }
  throw unusable("signature keys are JSON, a JWK or a JWK Set, or PEM");
}

function unusable(message: string, cause?: unknown): TrailsumError {
  return new TrailsumError("USAGE", message, { cause });
}
