import { type Digests, type FieldLines, type Receipt, redactedTarget, TrailsumError } from "@trailsum/shared";

import type { Delivering } from "./delivery/delivering.ts";
import type { ShortResponse } from "../transfer/short-response.ts";
import { type Hop, nextHop, Redirect, redirection } from "../transfer/redirects.ts";
import { refusal } from "../transfer/refusal.ts";
import { type Confirmation, confirmation, confirmationElsewhere } from "./confirmation.ts";
import { seeOther } from "./see-other.ts";

/** The result of an upload that the server accepted. */
export interface UploadOutcome {
  /** The URL that took the upload, after redirects. Its query is complete, and may be secret. */
  readonly url: string;
  /** The status of the answer; after a 303, of the answer to the GET that it asks for. */
  readonly status: number;
  /**
   * Where a 303 pointed to; undefined if the answer was not a 303. The page may be anything, such as a sign-in form:
   * unless `confirmedBy` is `server`, only the 303 indicates that the upload was accepted.
   */
  readonly seeOther: string | undefined;
  /** What was sent: its size in bytes and its digests. */
  readonly digests: Digests;
  /**
   * `server` if the server answered with a digest of what it stored, and it is the right one; `none` if it accepted the
   * upload without sending a digest of it.
   */
  readonly confirmedBy: "server" | "none";
  /** What the server says it stored; undefined if it sent no receipt, as only a trailsum server does. */
  readonly receipt: Receipt | undefined;
  /**
   * The content of the answer that has the receipt, as it came: with `status` and `headers` it is what `verifyReceipt` of
   * `@trailsum/shared` takes.
   */
  readonly receiptContent: Uint8Array | undefined;
  /** The header fields of the answer. */
  readonly headers: FieldLines;
}

const SEE_OTHER = 303;

/**
 * The target of a redirect that repeats the upload; undefined for any other response. Throws `REFUSED` if
 * the upload cannot be repeated: the source cannot be read again, or a POST would become a GET (RFC 9110 sections 15.4.2
 * and 15.4.3).
 */
export function repeatedElsewhere(
  { hop: { url }, source, method }: Delivering,
  { status, headers }: ShortResponse,
): Redirect | undefined {
  const elsewhere = redirection(url, status, headers, [301, 302, 307, 308]);
  if (elsewhere === undefined) return undefined;
  if (source.rereadable && (method === "PUT" || status >= 307)) return new Redirect(elsewhere);
  throw uploadThere(url, elsewhere, status);
}

/**
 * The outcome of an upload whose final answer came from `hop`: from the target or from its upload resource. Throws
 * for an answer that refuses it, for one that reports other content, and for one that came before all was sent.
 */
export async function uploadOutcome(
  delivering: Delivering,
  answer: ShortResponse,
  sent: Digests | undefined,
  hop: Hop = delivering.hop,
): Promise<UploadOutcome> {
  const { url } = delivering.hop;
  const other = redirection(hop.url, answer.status, answer.headers, [SEE_OTHER]);
  if (other === undefined) await throwUnlessAccepted(url, answer);
  if (sent === undefined) throw other === undefined ? tooEarly(url) : uploadThere(url, other, answer.status);
  if (other === undefined) return outcomeOf(url, sent, answer, confirmation(url, sent, answer));
  const there = await seeOther(nextHop(hop, other), delivering);
  return outcomeOf(url, sent, there, confirmationElsewhere(url, sent, there), other);
}

/** Rejects for an answer that is not a success. */
export async function throwUnlessAccepted(url: URL, { status, headers, content, cut }: ShortResponse): Promise<void> {
  if (status < 200 || status >= 300)
    throw await refusal(url, { status, headers, content: cut === undefined ? content : [] });
  if (cut !== undefined) throw cut;
}

function uploadThere(url: URL, elsewhere: URL, status: number): TrailsumError {
  return new TrailsumError(
    "REFUSED",
    `${redactedTarget(url)} redirects to ${redactedTarget(elsewhere)}: upload there`,
    { status },
  );
}

function outcomeOf(
  url: URL,
  digests: Digests,
  { status, headers, content }: ShortResponse,
  { by, receipt }: Confirmation,
  elsewhere?: URL,
): UploadOutcome {
  const receiptContent = receipt === undefined ? undefined : Buffer.concat(content);
  return {
    url: url.href,
    status,
    seeOther: elsewhere?.href,
    digests,
    confirmedBy: by,
    receipt,
    receiptContent,
    headers,
  };
}

function tooEarly({ origin }: URL): TrailsumError {
  return new TrailsumError("PROTOCOL", `${origin}: accepted the upload before it had arrived`);
}
