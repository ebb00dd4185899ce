import {
  algorithms,
  algorithmsInHeader,
  algorithmsToCompute,
  createStreamDigester,
  decideVerdict,
  type FieldLines,
  TrailsumError,
  verdictError,
} from "@trailsum/shared";

/** A 206 that is being received. */
export interface PartialContent {
  readonly headers: FieldLines;
  readonly body: AsyncIterable<Uint8Array>;
  /** Its trailers, once the body has ended. */
  readonly trailers: () => FieldLines;
}

/** Takes a piece of a range. */
export type RangeSink = (chunk: Uint8Array, position: number) => Promise<void>;

/**
 * Receives one range, from `start` to before `end`, and verifies it by its own `Content-Digest`, if it has one (RFC 9530
 * section 2). `CONNECTION_LOST` if it is shorter, `PROTOCOL` if it is longer, `DIGEST_*` if it is not what was sent.
 */
export async function receiveRange(
  { headers, body, trailers }: PartialContent,
  { start, end }: { readonly start: number; readonly end: number },
  sink: RangeSink,
): Promise<void> {
  // A server is likely to describe a part as it describes the whole.
  const expected = {
    header: headers,
    trailersPossible: headers.has("Trailer"),
    content: "part",
    hints: algorithmsInHeader(headers),
  } as const;
  const digester = await createStreamDigester(algorithmsToCompute(expected, algorithms), end - start);
  try {
    let position = start;
    for await (const chunk of body) {
      if (position + chunk.byteLength > end) throw new TrailsumError("PROTOCOL", "more came than the range has");
      await Promise.all([digester.update(chunk), sink(chunk, position)]);
      position += chunk.byteLength;
    }
    if (position < end) throw new TrailsumError("CONNECTION_LOST", "less came than the range has");
    const verdict = decideVerdict({
      header: headers,
      trailer: trailers(),
      computed: await digester.digest(),
      content: "part",
    });
    if (verdict.name !== "verified" && verdict.name !== "unverified") throw verdictError(verdict);
  } finally {
    digester.close();
  }
}
