import { createHash } from "node:crypto";

import { TrailsumError } from "../errors.ts";
import { type FieldLine, FieldLines } from "../field-lines.ts";
import { parseReceipt, type Receipt, receiptMediaType } from "../receipt.ts";
import { formatDigestField, parseDigestField } from "../digest-fields.ts";
import { type SignableResponse, signatureBase } from "./signature-base.ts";
import {
  componentId,
  describeSignature,
  formatSignature,
  headerComponent,
  parseSignatures,
  type SignatureTimes,
} from "./signature-fields.ts";
import { isSignedBy, signBase, type SignatureKey } from "./signature-keys.ts";

/** A response that answers an upload with a receipt. */
export interface ReceiptResponse {
  /** The status code of the response. */
  readonly status: number;
  /** The header fields of the response. */
  readonly header: FieldLines;
  /** The content: the receipt as JSON. */
  readonly content: Uint8Array;
}

/** What the signature of a receipt covers: the status, and what the content is and means. */
const COVERED = ["@status", "content-type", "content-digest"];

/**
 * Signs a response that answers with a receipt (RFC 9421): its status, its content type, and the digest of its content. Returns
 * the lines of `Content-Digest`, `Signature-Input` and `Signature`, which are to be added to its header.
 */
export function signReceipt(response: ReceiptResponse, key: SignatureKey, times: SignatureTimes): FieldLine[] {
  const digest: FieldLine = ["Content-Digest", formatDigestField(sha256(response.content))];
  const message = signable({ ...response, header: FieldLines.from([...response.header, digest]) });
  const parameters = describeSignature(COVERED.map(headerComponent), key, times);
  return [digest, ...formatSignature("trailsum", parameters, signBase(signatureBase(message, parameters), key))];
}

/** A receipt whose signature holds. */
export interface VerifiedReceipt {
  /** What the server says that it stored. */
  readonly receipt: Receipt;
  /** The name of the key that it is signed with. */
  readonly keyId: string;
  /** When it was signed. */
  readonly signed: Date;
}

/**
 * Verifies that a receipt was signed with one of the keys, at any time: a receipt does not expire unless it says so. Throws
 * `SIGNATURE_INVALID` otherwise, and for content that is not a receipt.
 */
export function verifyReceipt(
  response: ReceiptResponse,
  { keys, now }: { readonly keys: readonly SignatureKey[]; /** Seconds since 1970. */ readonly now: number },
): VerifiedReceipt {
  const { header, content } = response;
  const signatures = parseSignatures(header);
  if (signatures === undefined || signatures.length === 0) throw invalid("the receipt is not signed");
  const signature = signatures.find(({ keyId }) => keys.some((key) => key.keyId === keyId));
  const key = keys.find(({ keyId }) => keyId === signature?.keyId);
  if (signature === undefined || key === undefined) throw invalid("the receipt is signed with another key");
  const { algorithm, created, expires } = signature;
  if (algorithm !== undefined && algorithm !== key.algorithm) throw invalid("the key is for another algorithm");
  if (created === undefined) throw invalid("the signature does not say when it was created");
  if (expires !== undefined && expires < now) throw invalid("the signature has expired");
  const covered = new Set(signature.inner[0].map(componentId));
  const absent = COVERED.find((id) => !covered.has(id));
  if (absent !== undefined) throw invalid(`the signature does not cover ${absent}`);
  const { digests, faults } = parseDigestField(header.getAll("Content-Digest"));
  const digest = digests.get("sha-256");
  if (faults.length > 0 || digest === undefined || !sha256(content).values.get("sha-256")!.equals(digest)) {
    throw invalid("the receipt is not what its Content-Digest says");
  }
  if (!isSignedBy(signatureBase(signable(response), signature), signature.signature, key)) {
    throw invalid("the signature does not match the receipt");
  }
  const isReceipt = header.get("Content-Type") === receiptMediaType && response.status >= 200 && response.status < 300;
  const receipt = isReceipt ? parseReceipt(Buffer.from(content).toString("utf8")) : undefined;
  if (receipt === undefined) throw invalid("what was signed is not a receipt");
  return { receipt, keyId: key.keyId, signed: new Date(created * 1_000) };
}

function signable({ status, header }: ReceiptResponse): SignableResponse {
  return { status, header, trailer: FieldLines.empty };
}

function sha256(content: Uint8Array): { size: number; values: Map<"sha-256", Buffer> } {
  return { size: content.byteLength, values: new Map([["sha-256", createHash("sha256").update(content).digest()]]) };
}

function invalid(message: string): TrailsumError {
  return new TrailsumError("SIGNATURE_INVALID", message);
}
