import { parseRequestTarget } from "@trailsum/http/inbound";
import {
  type Digests,
  type FieldLine,
  type FieldLines,
  type SignatureKey,
  unsigned,
  verifyUploadSignature,
} from "@trailsum/shared";

import type { RequestHead } from "./request-head.ts";

/** Who may have signed an upload. */
interface SignaturePolicy {
  readonly signatureKeys?: readonly SignatureKey[] | undefined;
}

/** A request that brings the digests of an upload. */
export interface SignedMessage {
  readonly head: RequestHead;
  readonly trailer: FieldLines;
  /** When its head arrived. Seconds since 1970. */
  readonly begun: number;
  /** Fields of its header that its signature must cover, with the values that they must have. */
  readonly fields?: readonly FieldLine[];
}

/** The time in seconds since 1970, as signatures have it (RFC 9421 section 2.3). */
export function secondsNow(): number {
  return Date.now() / 1_000;
}

/**
 * Checks that content with these digests is signed by whom the policy names (RFC 9421). The target is the one that its sender
 * asked for, without what routers made of it. Throws `SIGNATURE_INVALID`.
 */
export function requireSignature(
  { head, trailer, begun, fields }: SignedMessage,
  computed: Digests,
  { signatureKeys: keys }: SignaturePolicy,
): void {
  if (keys === undefined) return;
  const { method, target, mountPath, header } = head;
  const { path, query } = parseRequestTarget(target);
  const message = { method, path: `${mountPath}${path}`, query, header, trailer };
  verifyUploadSignature(message, { keys, now: secondsNow(), begun, computed, fields });
}

/** Refuses an upload that must be signed and cannot be any more: nothing in the header, and no trailers to come. */
export function refuseUnsigned({ header, trailersPossible }: RequestHead, { signatureKeys }: SignaturePolicy): void {
  if (signatureKeys === undefined || trailersPossible || header.has("Signature-Input")) return;
  throw unsigned();
}
