import { type FieldLine, type FieldLines, formatWantDigest } from "@trailsum/shared";

import { type Answer, fetchShort } from "../../transfer/answer.ts";
import { contentAtOnce, contentInPieces, type Sending } from "../upload-content.ts";
import { uploadFields } from "../upload-fields.ts";
import type { Delivering } from "./delivering.ts";

/** How the content of an upload is sent. */
interface ContentRequest {
  /** The fields of the delivery mode. */
  readonly fields: readonly FieldLine[];
  /** Whether the digests follow the content as trailers. */
  readonly trailers: boolean;
  /** The state of the content, to recover from a failure. */
  readonly sending: Sending;
  readonly onInterim?: (status: number, headers: FieldLines) => void;
}

/** Sends the content in one request and hashes it meanwhile. `sending.sent` has its digests after the last byte was sent. */
export async function sendContent(
  { hop: { url, trusted }, source, method, algorithms, headers, ...rest }: Delivering,
  { fields, trailers, sending, onInterim }: ContentRequest,
): Promise<Answer> {
  const { dispatcher, ownDispatcher, signal, onProgress, limit } = rest;
  const hashing = { algorithms, sending, onProgress, limit, signal };
  const content =
    ownDispatcher && source.whole !== undefined && limit === undefined
      ? await contentAtOnce(source.whole, hashing)
      : contentInPieces(source, ownDispatcher, hashing);
  // Says which digest to answer with, and so which algorithms to compute while the content arrives.
  const want: FieldLine = ["Want-Repr-Digest", formatWantDigest(algorithms)];
  const length: FieldLine[] = trailers || source.size === undefined ? [] : [["Content-Length", String(source.size)]];
  const request = {
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: uploadFields([...fields, want, ...length], headers, trusted),
    body: content.body,
    rereadable: content.rereadable,
    ...(trailers ? { trailers: content.trailers } : {}),
  };
  try {
    const answer = await fetchShort(dispatcher, request, { signal, onInterim });
    if (!trailers && content.given()) sending.sent = await content.digests();
    return answer;
  } finally {
    content.close();
  }
}
