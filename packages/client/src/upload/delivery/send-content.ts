import { type FieldLine, FieldLines, formatWantDigest } from "@trailsum/shared";

import { type ShortResponse, fetchShort } from "../../transfer/short-response.ts";
import { contentAtOnce, contentInPieces, type Sending } from "../upload-content.ts";
import { signatureOf, type UploadSigning } from "../signing.ts";
import { uploadFields } from "../upload-fields.ts";
import type { Delivering } from "./delivering.ts";

/** How the content of an upload is sent. */
interface ContentRequest {
  /** The fields of the delivery mode. */
  readonly fields: readonly FieldLine[];
  /** Whether the digests follow the content as trailers. */
  readonly trailers: boolean;
  /** Whether the request brings the digests, here or there: then it is signed if the upload is. */
  readonly digests: boolean;
  /** The state of the content, to recover from a failure. */
  readonly sending: Sending;
  readonly onInterim?: (status: number, headers: FieldLines) => void;
}

/** Sends the content in one request and hashes it meanwhile. `sending.sent` has its digests after the last byte was sent. */
export async function sendContent(
  { hop, source, method, algorithms, headers, ...rest }: Delivering,
  { fields, trailers, digests, sending, onInterim }: ContentRequest,
): Promise<ShortResponse> {
  const { url, trusted } = hop;
  const { dispatcher, ownDispatcher, signal, progress, limit } = rest;
  const signing = digests ? rest.signing : undefined;
  const hashing = { algorithms, sending, progress, limit, signal };
  const content =
    ownDispatcher && source.whole !== undefined && limit === undefined
      ? await contentAtOnce(source.whole, hashing)
      : contentInPieces(source, ownDispatcher, hashing);
  // Says which digest to answer with, and so which algorithms to compute while the content arrives.
  const want: FieldLine = ["Want-Repr-Digest", formatWantDigest(algorithms)];
  const length: FieldLine[] = trailers || source.size === undefined ? [] : [["Content-Length", String(source.size)]];
  const header = uploadFields([...fields, want, ...length], headers, trusted);
  const unsigned = { hop, method, header: FieldLines.fromRaw(header) };
  const request = {
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers:
      signing === undefined || trailers ? header : [...header, ...FieldLines.from(signatureOf(unsigned, signing)).raw],
    body: content.body,
    rereadable: content.rereadable,
    ...(trailers
      ? { trailers: signing === undefined ? content.trailers : signedTrailers(content.trailers, unsigned, signing) }
      : {}),
  };
  try {
    const answer = await fetchShort(dispatcher, request, { signal, onInterim });
    if (!trailers && content.given()) sending.sent = await content.digests();
    return answer;
  } finally {
    content.close();
  }
}

/** The digests with their signature. At once where the digests are there at once. */
function signedTrailers(
  trailers: () => FieldLines | Promise<FieldLines>,
  request: Parameters<typeof signatureOf>[0],
  signing: UploadSigning,
): () => FieldLines | Promise<FieldLines> {
  const sign = (trailer: FieldLines): FieldLines =>
    FieldLines.from([...trailer, ...signatureOf({ ...request, trailer }, signing)]);
  return () => {
    const given = trailers();
    return given instanceof Promise ? given.then(sign) : sign(given);
  };
}
