import type { ContentSource } from "@trailsum/http/inbound";
import { FieldLines } from "@trailsum/shared";

import { AwsChunkedContent } from "./aws-chunked/aws-chunked-content.ts";
import { ChunkSignatures } from "./aws-chunked/chunk-signatures.ts";
import type { Payload } from "./payload.ts";
import type { Authenticated } from "./sigv4/authenticate.ts";

/** A request with content, whose signature holds if it has one. */
export interface FramedContent {
  /** The header section of the request. */
  readonly header: FieldLines;
  /** The content as received; nothing where the request has none. */
  readonly content: ContentSource | undefined;
  /** The framing of the content. */
  readonly payload: Payload & { readonly kind: "aws-chunked" };
  /** The verified signature of the request. */
  readonly signature: Authenticated | undefined;
}

/** The same without the framing of S3. */
export interface DecodedContent {
  /** The header, whose `Content-Encoding` has what the object has and whose `Trailer` announces what comes within the content. */
  readonly header: FieldLines;
  /** The content. Its trailers are those within the content. */
  readonly content: ContentSource;
  /** Bytes of content. */
  readonly size: number;
  /** Whether trailers come within the content. */
  readonly trailersPossible: boolean;
}

/** Takes the framing of S3 off a request: the content fails with an {@link S3Error} where it is not as it must be. */
export function decodedContent({ header, content, payload, signature }: FramedContent): DecodedContent {
  const announced = header.list("x-amz-trailer").map((name) => name.toLowerCase());
  const described = withoutAwsChunked(header);
  const { size, signed } = payload;
  const signatures = signed && signature ? new ChunkSignatures(signature.signer, signature.signature) : undefined;
  return {
    header: announced.length === 0 ? described.delete("Trailer") : described.set("Trailer", announced.join(", ")),
    content: new AwsChunkedContent(content ?? noContent, { announced, signatures, size }),
    size,
    trailersPossible: announced.length > 0,
  };
}

/** The header without the coding that only says how the object is sent. */
export function withoutAwsChunked(header: FieldLines): FieldLines {
  const codings = contentCodings(header);
  const described = header.delete("Content-Encoding");
  return codings === "" ? described : described.with("Content-Encoding", codings);
}

/** The codings of the object: `aws-chunked` is only how it is sent. */
function contentCodings(header: FieldLines): string {
  return header
    .list("Content-Encoding")
    .filter((coding) => !["aws-chunked", "identity"].includes(coding.toLowerCase()))
    .join(", ");
}

const noContent: ContentSource = {
  whole: undefined,
  trailers: FieldLines.empty,
  flow: (sink) => process.nextTick(() => sink.onEnd()),
  pause() {},
  resume() {},
  leave() {},
};
