import {
  type ErrorCode,
  type FieldLines,
  problemCode,
  problemMediaType,
  redactedTarget,
  TrailsumError,
} from "@trailsum/shared";

import { printable } from "./printable.ts";
import { retryAfter } from "./retry-after.ts";

/** The most content of an error response that is read. Bytes. */
export const MAX_PROBLEM_BYTES = 65_536;

/**
 * The error for a response whose status is not a success. A problem document (RFC 9457) of a type known here keeps
 * its code, so that a digest refused by the server is the same error as one refused by us; all else is `REFUSED`.
 */
export async function refusal(url: URL, response: RefusingResponse): Promise<TrailsumError> {
  const { status, headers, content } = response;
  const problem = isProblem(headers) ? await readProblem(content) : undefined;
  // Not before it is needed: an import of node:http loads Node's own copy of undici with it.
  const { STATUS_CODES } = await import("node:http");
  const code: ErrorCode = (typeof problem?.["type"] === "string" && integrityCode(problem["type"])) || "REFUSED";
  const detail = [problem?.["detail"], problem?.["title"]].find((text) => typeof text === "string" && text !== "");
  const sentence = `${redactedTarget(url)}: the server answered ${status} ${STATUS_CODES[status] ?? ""}`.trimEnd();
  return new TrailsumError(code, typeof detail === "string" ? `${sentence}: ${printable(detail)}` : sentence, {
    status,
    retryAfter: retryAfter(headers),
  });
}

/** A response whose status is not a success. */
interface RefusingResponse {
  readonly status: number;
  readonly headers: FieldLines;
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Only codes about integrity are kept: a 404 is a refusal by the other side, regardless of its document. */
function integrityCode(type: string): ErrorCode | undefined {
  const code = problemCode(type);
  const isOne = code?.startsWith("DIGEST_") === true || (code !== undefined && OTHERS.has(code));
  return isOne ? code : undefined;
}

const OTHERS: ReadonlySet<ErrorCode> = new Set(["SIZE_MISMATCHED", "STORED_BYTES_DIFFER", "SIGNATURE_INVALID"]);

/** Whether the content of a response is a problem document. */
export function isProblem(headers: FieldLines): boolean {
  return headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase() === problemMediaType;
}

async function readProblem(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Record<string, unknown> | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of content) {
      bytes += chunk.byteLength;
      if (bytes > MAX_PROBLEM_BYTES) return undefined;
      chunks.push(chunk);
    }
    const document: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    return typeof document === "object" && document !== null ? { ...document } : undefined;
  } catch {
    // The status is enough; a document that is truncated or not JSON adds nothing.
    return undefined;
  }
}
