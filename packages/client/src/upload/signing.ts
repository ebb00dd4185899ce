import {
  type FieldLine,
  FieldLines,
  formatUploadTarget,
  redactedTarget,
  signatureFieldNames,
  type SignatureKey,
  signUpload,
  strengthOf,
  type Algorithm,
  TrailsumError,
  uploadTargetField,
} from "@trailsum/shared";

import { type FieldsInit, rawFields } from "../dispatcher/request-fields.ts";
import type { Hop } from "../transfer/redirects.ts";

/** How an upload is signed. */
export interface UploadSigning {
  /** The key, as `parseSignatureKeys` of `@trailsum/shared` reads it: private (Ed25519) or shared (HMAC with SHA-256). */
  readonly key: SignatureKey;
  /**
   * For how many seconds a signature holds (`expires`, RFC 9421 section 2.3). It is made when the digests are known: of an
   * upload by trailers after its content.
   * @default the server decides
   */
  readonly lifetime?: number | undefined;
  /**
   * The label of the signature.
   * @default "trailsum"
   */
  readonly label?: string | undefined;
}

/** Checks that an upload can be signed so. Throws `USAGE`. */
export function checkSigning(
  { key: { key, algorithm }, lifetime }: UploadSigning,
  { algorithms, headers }: { readonly algorithms: readonly Algorithm[]; readonly headers: FieldsInit | undefined },
): void {
  if (key.type !== (algorithm === "ed25519" ? "private" : "secret"))
    throw new TrailsumError("USAGE", "a public key cannot sign: give the private one");
  if (lifetime !== undefined && !(Number.isInteger(lifetime) && lifetime > 0))
    throw new TrailsumError("USAGE", "the lifetime of a signature is a whole number of seconds");
  if (!algorithms.some((name) => strengthOf(name) >= strengthOf("sha-256")))
    throw new TrailsumError("USAGE", "a signed upload needs a sha-256 or sha-512 digest: choose one of them, too");
  const given = FieldLines.fromRaw(rawFields(headers));
  const own = [...signatureFieldNames, uploadTargetField].find((name) => given.has(name));
  if (own !== undefined) throw new TrailsumError("USAGE", `${own} cannot be given for an upload that is signed here`);
}

/** A request that brings the digests of an upload. */
interface RequestToSign {
  readonly hop: Hop;
  readonly method: string;
  /** The header as it is sent. */
  readonly header: FieldLines;
  /** The trailer section without the signature. */
  readonly trailer?: FieldLines;
}

/**
 * The lines of the signature of a request, which belong where its digests are. Throws `REFUSED` after a redirect to another
 * origin, which could have chosen the path for another server that trusts the key.
 */
export function signatureOf(
  { hop: { url, trusted }, method, header, trailer = FieldLines.empty }: RequestToSign,
  { key, lifetime, label }: UploadSigning,
  fields: readonly string[] = [],
): FieldLine[] {
  if (!trusted) {
    throw new TrailsumError(
      "REFUSED",
      `${redactedTarget(url)}: a signed upload does not follow a redirect to another origin: upload there`,
    );
  }
  const created = Math.floor(Date.now() / 1_000);
  const expires = lifetime === undefined ? undefined : created + lifetime;
  const query = url.search === "" ? undefined : url.search.slice(1);
  const message = { method, path: url.pathname, query, header, trailer };
  return signUpload(message, key, { created, expires, label, fields });
}

/**
 * The fields that sign the request that completes an upload resource: what it is to become, which that request does not say
 * otherwise, and the signature.
 */
export function completionSignature(
  completion: RequestToSign,
  { hop, headers }: { readonly hop: Hop; readonly headers: FieldsInit | undefined },
  signing: UploadSigning,
): FieldLine[] {
  const contentType = FieldLines.fromRaw(rawFields(headers)).get("Content-Type");
  const target = formatUploadTarget({ target: hop.url.pathname + hop.url.search, contentType });
  const header = FieldLines.from([...completion.header, target]);
  return [target, ...signatureOf({ ...completion, header }, signing, [uploadTargetField])];
}
