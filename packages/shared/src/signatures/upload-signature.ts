import type { Item } from "structured-headers";

import { type Algorithm, strengthOf } from "../algorithms.ts";
import type { Section } from "../claims.ts";
import { parseDigestField } from "../digest-fields.ts";
import type { Digests } from "../digester.ts";
import { TrailsumError } from "../errors.ts";
import type { FieldLine, FieldLines } from "../field-lines.ts";
import { type SignableRequest, signatureBase } from "./signature-base.ts";
import {
  componentId,
  describeSignature,
  formatSignature,
  headerComponent,
  type MessageSignature,
  parseSignatures,
  type SignatureTimes,
  trailerComponent,
} from "./signature-fields.ts";
import { isSignedBy, signBase, type SignatureKey } from "./signature-keys.ts";

/** Options of {@link signUpload}. */
export interface SignUploadOptions extends SignatureTimes {
  /**
   * The label of the signature, by which its two fields belong together.
   * @default "trailsum"
   */
  readonly label?: string | undefined;
  /**
   * Further fields of the header to cover, which must be there.
   * @default none
   */
  readonly fields?: readonly string[] | undefined;
}

/** The names of the two fields of a signature (RFC 9421 section 4). */
export const signatureFieldNames = ["Signature-Input", "Signature"] as const;

/**
 * Signs an upload (RFC 9421): the method, the path, the query and the content type where there are some, and every strong digest
 * in `Content-Digest` and `Repr-Digest` of the trailer section, or of the header if the trailer section has none. Returns the lines
 * of `Signature-Input` and `Signature`, which belong to that section. Throws `USAGE` if there is no digest as strong as sha-256:
 * a signature of a weaker one is worth nothing.
 */
export function signUpload(
  message: SignableRequest,
  key: SignatureKey,
  { label = "trailsum", fields = [], ...times }: SignUploadOptions,
): FieldLine[] {
  const digests = strongDigests(message);
  const section = digests.some((digest) => digest.section === "trailer") ? "trailer" : "header";
  const covered = digests.filter((digest) => digest.section === section).map(({ component }) => component);
  if (covered.length === 0) throw new TrailsumError("USAGE", `only uploads with ${STRONG} can be signed`);
  const components = [...requiredComponents(message), ...fields.map(lowerCaseComponent), ...covered];
  const parameters = describeSignature(components, key, times);
  return formatSignature(label, parameters, signBase(signatureBase(message, parameters), key));
}

const STRONG = "a sha-256 or sha-512 digest in Content-Digest or Repr-Digest";

/** Options of {@link verifyUploadSignature}. */
export interface VerifyUploadSignatureOptions {
  /** The keys that uploads may be signed with. */
  readonly keys: readonly SignatureKey[];
  /** The time. Seconds since 1970. */
  readonly now: number;
  /**
   * When the header arrived: a signature in it was made before the content was sent. Seconds since 1970.
   * @default the time
   */
  readonly begun?: number | undefined;
  /**
   * How old a signature may be, and how far in the future it may be made. Seconds.
   * @default 300
   */
  readonly maxAge?: number | undefined;
  /**
   * What was computed of the content: a digest that the signature covers must be among it.
   * @default the caller verifies the content by the digests that are covered
   */
  readonly computed?: Digests | undefined;
  /**
   * Fields of the header that must have these values and be covered.
   * @default none
   */
  readonly fields?: readonly FieldLine[] | undefined;
}

/**
 * Verifies that an upload was signed with one of the keys, in the header or the trailer section, and that the signature covers
 * what {@link signUpload} signs. Returns the key. Of several signatures those by known keys must all hold. Throws `SIGNATURE_INVALID`
 * otherwise.
 */
export function verifyUploadSignature(message: SignableRequest, options: VerifyUploadSignatureOptions): SignatureKey {
  const { keys, now, begun = now } = options;
  const signatures = [
    ...signaturesIn(message.header).map((signature) => ({ signature, arrived: begun })),
    ...signaturesIn(message.trailer).map((signature) => ({ signature, arrived: now })),
  ];
  if (signatures.length === 0) throw unsigned();
  const known = signatures.flatMap(({ signature, arrived }) => {
    const key = keys.find(({ keyId }) => keyId === signature.keyId);
    return key === undefined ? [] : [{ signature, key, arrived }];
  });
  const [first] = known;
  if (first === undefined) throw invalid("the upload is signed with a key that is not known here");
  // Of several, as of several digests, each that is known must hold.
  for (const { signature, key, arrived } of known) check(message, signature, key, { ...options, now: arrived });
  return first.key;
}

/** The error for an upload without a signature. */
export function unsigned(): TrailsumError {
  return invalid("the upload is not signed: send Signature and Signature-Input, in the header or as trailers");
}

function signaturesIn(section: FieldLines): readonly MessageSignature[] {
  const signatures = parseSignatures(section);
  if (signatures !== undefined) return signatures;
  throw invalid("Signature and Signature-Input do not belong together: send one of each");
}

function check(
  message: SignableRequest,
  signature: MessageSignature,
  key: SignatureKey,
  { now, maxAge = 300, computed, fields = [] }: VerifyUploadSignatureOptions,
): void {
  const { algorithm, created, expires } = signature;
  if (algorithm !== undefined && algorithm !== key.algorithm) throw invalid("the key is for another algorithm");
  if (created === undefined) throw invalid("the signature does not say when it was created");
  if (Math.abs(now - created) > maxAge || (expires !== undefined && expires < now)) {
    throw invalid("the signature is too old, or the clocks differ: sign the upload again");
  }
  const covered = new Set(signature.inner[0].map(componentId));
  const required = [...requiredComponents(message), ...fields.map(([name]) => lowerCaseComponent(name))];
  const absent = required.map(componentId).find((id) => !covered.has(id));
  if (absent !== undefined) throw invalid(`the signature does not cover ${absent}`);
  const other = fields.find(([name, value]) => message.header.getAll(name).join(", ") !== value);
  if (other !== undefined) throw invalid(`${other[0]} is not ${other[1]}: another upload was signed`);
  const digests = strongDigests(message).filter(({ component }) => covered.has(componentId(component)));
  if (digests.length === 0) throw invalid(`the signature does not cover ${STRONG}`);
  if (computed !== undefined && !digests.some((digest) => isDigestOf(digest, computed))) {
    throw invalid("no digest that the signature covers is that of the content");
  }
  if (!isSignedBy(signatureBase(message, signature), signature.signature, key)) {
    throw invalid("the signature does not match the upload");
  }
}

/** What a signature must cover. What a message does not have cannot be added to it unseen: it would have to be covered then. */
function requiredComponents({ header, query }: SignableRequest): Item[] {
  return [
    headerComponent("@method"),
    headerComponent("@path"),
    ...(query === undefined ? [] : [headerComponent("@query")]),
    ...(header.has("Content-Type") ? [headerComponent("content-type")] : []),
  ];
}

function lowerCaseComponent(name: string): Item {
  return headerComponent(name.toLowerCase());
}

/** A field that a signature can cover to say what the content is. */
interface StrongDigest {
  readonly section: Section;
  readonly component: Item;
  /** Its digests that are as strong as sha-256. */
  readonly values: ReadonlyMap<Algorithm, Buffer>;
}

const SIGNABLE = ["content-digest", "repr-digest"] as const;

/** The fields of a message with a digest that is as strong as sha-256, and nothing that cannot be read. */
function strongDigests({ header, trailer }: SignableRequest): StrongDigest[] {
  const found = SIGNABLE.flatMap((name): StrongDigest[] => [
    { section: "header", component: headerComponent(name), values: strongValues(header.getAll(name)) },
    { section: "trailer", component: trailerComponent(name), values: strongValues(trailer.getAll(name)) },
  ]);
  return found.filter(({ values }) => values.size > 0);
}

function strongValues(lines: readonly string[]): Map<Algorithm, Buffer> {
  const { digests, faults } = parseDigestField(lines);
  if (faults.length > 0) return new Map();
  return new Map([...digests].filter(([algorithm]) => strengthOf(algorithm) >= strengthOf("sha-256")));
}

function isDigestOf({ values }: StrongDigest, computed: Digests): boolean {
  return [...values].some(([algorithm, value]) => computed.values.get(algorithm)?.equals(value) === true);
}

function invalid(message: string): TrailsumError {
  return new TrailsumError("SIGNATURE_INVALID", message);
}
