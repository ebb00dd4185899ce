import {
  type Algorithm,
  type Digests,
  parseDigestField,
  parseReceipt,
  type Receipt,
  receiptMediaType,
  redactedTarget,
  TrailsumError,
} from "@trailsum/shared";

import type { ShortResponse } from "../transfer/short-response.ts";
import { printable } from "../transfer/printable.ts";

/** Whether the server confirmed an upload with a digest of what it stored. */
export interface Confirmation {
  readonly by: "server" | "none";
  /** The server's receipt, if it sent one. */
  readonly receipt: Receipt | undefined;
}

/**
 * Compares what the server says it stored with what was sent to `url`.
 *
 * A receipt is compared as a whole: path, size, digests. Otherwise there is only `Repr-Digest`, which is about the stored
 * object in an answer without content, such as a 204 (RFC 9530 appendix B.7), and about the answer's own content in any
 * other (section 3.1, appendix B.8). A digest of anything other than the upload cannot contradict it; the right digest of the
 * upload confirms it in any position.
 *
 * Throws `PROTOCOL` for a receipt of another path, `SIZE_MISMATCHED` or `DIGEST_MISMATCHED` for another content.
 */
export function confirmation(url: URL, sent: Digests, answer: ShortResponse): Confirmation {
  const receipt = receiptIn(answer);
  if (receipt === undefined) return { by: confirmedByField(url, sent, answer), receipt };
  checkPath(url, receipt.path);
  return { by: confirmedByReceipt(url, sent, receipt), receipt };
}

/**
 * What the answer to the GET that follows a 303 says of the upload. It may be any page, such as a form to sign in, and its
 * `Repr-Digest` is about that page: only the right digest means anything. A receipt counts as any other, except that it
 * may name the resource that was created in place of the one that was asked for (RFC 9110 section 15.4.4).
 *
 * Throws `SIZE_MISMATCHED` or `DIGEST_MISMATCHED` for a receipt of other content.
 */
export function confirmationElsewhere(url: URL, sent: Digests, answer: ShortResponse): Confirmation {
  const receipt = receiptIn(answer);
  if (receipt !== undefined) return { by: confirmedByReceipt(url, sent, receipt), receipt };
  return { by: comparedField(sent, answer).by, receipt };
}

function receiptIn({ headers, content }: ShortResponse): Receipt | undefined {
  const type = headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  return type === receiptMediaType ? parseReceipt(Buffer.concat(content).toString("utf8")) : undefined;
}

function checkPath(url: URL, path: string): void {
  if (isPathOf(url, path)) return;
  throw new TrailsumError(
    "PROTOCOL",
    `${redactedTarget(url)}: stored under another path, "${printable(path)}": the request target was changed on the way`,
  );
}

function confirmedByReceipt(url: URL, sent: Digests, receipt: Receipt): Confirmation["by"] {
  if (receipt.size !== sent.size) {
    throw new TrailsumError(
      "SIZE_MISMATCHED",
      `${redactedTarget(url)}: the server stored ${receipt.size} bytes in place of ${sent.size}`,
    );
  }
  const comparable = [...sent.values].filter(([algorithm]) => receipt.digests[algorithm] !== undefined);
  for (const [algorithm, digest] of comparable) {
    if (receipt.digests[algorithm] !== digest.toString("hex")) throw differs(url, algorithm);
  }
  return comparable.length > 0 ? "server" : "none";
}

/**
 * Whether `path` can be the path of `url` as the server sees it. A server below a mount point sees only its end,
 * and one that a proxy reaches with a base path sees more: one of the two must end with all segments of the other.
 */
function isPathOf(url: URL, path: string): boolean {
  const asked = decodedPath(url);
  return asked !== undefined && (`/${asked}`.endsWith(`/${path}`) || `/${path}`.endsWith(`/${asked}`));
}

function decodedPath({ pathname }: URL): string | undefined {
  try {
    return pathname.slice(1).split("/").map(decodeURIComponent).join("/");
  } catch {
    // Not UTF-8: a server that stores names as text cannot have stored it.
    return undefined;
  }
}

function confirmedByField(url: URL, sent: Digests, answer: ShortResponse): Confirmation["by"] {
  const { by, different } = comparedField(sent, answer);
  const aboutAnswer = answer.status !== 204 && answer.content.some(({ length }) => length > 0);
  if (different !== undefined && !aboutAnswer) throw differs(url, different);
  return by;
}

/** Compares `Repr-Digest` of an answer with what was sent. `different` is the first algorithm whose digests differ. */
function comparedField(
  sent: Digests,
  { headers }: ShortResponse,
): { readonly by: Confirmation["by"]; readonly different: Algorithm | undefined } {
  const { digests, faults } = parseDigestField(headers.getAll("Repr-Digest"));
  const comparable = [...digests].filter(([algorithm]) => sent.values.has(algorithm));
  const different = comparable.find(([algorithm, digest]) => sent.values.get(algorithm)?.equals(digest) !== true)?.[0];
  const isRight = comparable.length > 0 && different === undefined && faults.length === 0;
  return { by: isRight ? "server" : "none", different };
}

function differs(url: URL, algorithm: string): TrailsumError {
  return new TrailsumError(
    "DIGEST_MISMATCHED",
    `${redactedTarget(url)}: the server stored something else: its ${algorithm} differs`,
  );
}
