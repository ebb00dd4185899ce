import type { InnerList, Item } from "structured-headers";

import { isAlgorithm, strengthOf } from "../algorithms.ts";
import { parseDigestField } from "../digest-fields.ts";
import { TrailsumError } from "../errors.ts";
import type { FieldLine } from "../field-lines.ts";
import { type SignableMessage, signatureBase } from "./signature-base.ts";
import { formatSignature, type MessageSignature, parseSignatures, signatureParameters } from "./signature-fields.ts";
import { isSignedBy, signBase, type SignatureKey } from "./signature-keys.ts";

/** Options of {@link signUpload}. */
export interface SignUploadOptions {
  /** When the signature is made. Seconds since 1970. */
  readonly created: number;
  /**
   * The label of the signature, by which its two fields belong together.
   * @default "trailsum"
   */
  readonly label?: string | undefined;
}

/**
 * Signs an upload whose digest is a trailer (RFC 9421): the method, the path, the query and the content type where there are
 * some, and the trailer `Content-Digest`. Returns the lines of `Signature-Input` and `Signature`, which are trailers too.
 * Throws `USAGE` if the trailer has no digest that is as strong as sha-256: a signature of a weaker one is worth nothing.
 */
export function signUpload(
  message: SignableMessage,
  key: SignatureKey,
  { created, label = "trailsum" }: SignUploadOptions,
): FieldLine[] {
  if (!hasStrongDigest(message)) {
    throw new TrailsumError("USAGE", "only uploads with a sha-256 or sha-512 Content-Digest trailer can be signed");
  }
  const inner: InnerList = [
    requiredComponents(message),
    new Map<string, string | number>([
      ["created", created],
      ["keyid", key.keyId],
      ["alg", key.algorithm],
    ]),
  ];
  const parameters = signatureParameters(inner);
  return formatSignature(label, parameters, signBase(signatureBase(message, parameters), key));
}

/** Options of {@link verifyUploadSignature}. */
export interface VerifyUploadSignatureOptions {
  /** The keys that uploads may be signed with. */
  readonly keys: readonly SignatureKey[];
  /** The time. Seconds since 1970. */
  readonly now: number;
  /**
   * How old a signature may be, and how far in the future it may be made. Seconds.
   * @default 300
   */
  readonly maxAge?: number | undefined;
}

/**
 * Verifies that an upload was signed with one of the keys, and that the signature covers what {@link signUpload} signs. Returns
 * the key. It says nothing of the content: that its digest holds is for the verdict to say (RFC 9421 section 7.2.8). Throws
 * `SIGNATURE_INVALID` otherwise.
 */
export function verifyUploadSignature(message: SignableMessage, options: VerifyUploadSignatureOptions): SignatureKey {
  const signatures = parseSignatures(message.trailer);
  if (signatures === undefined) throw invalid("Signature and Signature-Input do not belong together: send one of each");
  if (signatures.length === 0)
    throw invalid("the upload is not signed: send Signature and Signature-Input as trailers");
  if (!hasStrongDigest(message))
    throw invalid("no sha-256 or sha-512 Content-Digest trailer came that could be signed");
  const known = signatures.flatMap((signature) => {
    const key = options.keys.find(({ keyId }) => keyId === signature.keyId);
    return key === undefined ? [] : [{ signature, key }];
  });
  const [first] = known;
  if (first === undefined) throw invalid("the upload is signed with a key that is not known here");
  // Of several, as of several digests, each that is known must hold.
  for (const { signature, key } of known) check(message, signature, key, options);
  return first.key;
}

function check(
  message: SignableMessage,
  signature: MessageSignature,
  key: SignatureKey,
  { now, maxAge = 300 }: VerifyUploadSignatureOptions,
): void {
  const { algorithm, created, expires } = signature;
  if (algorithm !== undefined && algorithm !== key.algorithm) throw invalid("the key is for another algorithm");
  if (created === undefined) throw invalid("the signature does not say when it was created");
  if (Math.abs(now - created) > maxAge || (expires !== undefined && expires < now)) {
    throw invalid("the signature is too old, or the clocks differ: sign the upload again");
  }
  const covered = new Set(signature.inner[0].map(componentId));
  const absent = requiredComponents(message)
    .map(componentId)
    .find((id) => !covered.has(id));
  if (absent !== undefined) throw invalid(`the signature does not cover ${absent}`);
  if (!isSignedBy(signatureBase(message, signature), signature.signature, key)) {
    throw invalid("the signature does not match the upload");
  }
}

/** What a signature must cover. What a message does not have cannot be added to it unseen: it would have to be covered then. */
function requiredComponents({ header, query }: SignableMessage): Item[] {
  const plain = (name: string): Item => [name, new Map()];
  return [
    plain("@method"),
    plain("@path"),
    ...(query === undefined ? [] : [plain("@query")]),
    ...(header.has("Content-Type") ? [plain("content-type")] : []),
    ["content-digest", new Map([["tr", true]])],
  ];
}

function componentId([name, options]: Item): string {
  return [String(name), ...options.keys()].join(";");
}

function hasStrongDigest({ trailer }: SignableMessage): boolean {
  const { digests, faults } = parseDigestField(trailer.getAll("Content-Digest"));
  const isStrong = (algorithm: string): boolean =>
    isAlgorithm(algorithm) && strengthOf(algorithm) >= strengthOf("sha-256");
  return faults.length === 0 && [...digests.keys()].some(isStrong);
}

function invalid(message: string): TrailsumError {
  return new TrailsumError("SIGNATURE_INVALID", message);
}
