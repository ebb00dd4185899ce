import type { FieldLines } from "@trailsum/shared";

import { S3Error } from "./s3-errors.ts";

/** How the content of a request is framed, and how its signature covers it. */
export type Payload =
  | { readonly kind: "unsigned" }
  | { readonly kind: "hashed"; readonly sha256: Buffer }
  | {
      readonly kind: "aws-chunked";
      /** Whether each chunk is signed. */
      readonly signed: boolean;
      /** Whether a trailer may follow. */
      readonly trailer: boolean;
      /** How many bytes there are without the framing. */
      readonly size: number;
    };

const CHUNKED: ReadonlyMap<string, { readonly signed: boolean; readonly trailer: boolean }> = new Map([
  ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", { signed: false, trailer: true }],
  ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", { signed: true, trailer: false }],
  ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", { signed: true, trailer: true }],
]);

/** Reads `value`, that of `x-amz-content-sha256`. Throws for what is not supported or contradicts the header. */
export function parsePayload(value: string, header: FieldLines): Payload {
  const chunked = CHUNKED.get(value);
  const announced = header.has("x-amz-trailer");
  if (chunked !== undefined) {
    if (announced && !chunked.trailer) {
      throw new S3Error("InvalidRequest", `x-amz-trailer is not allowed with ${value}.`);
    }
    return { kind: "aws-chunked", ...chunked, size: decodedLength(header) };
  }
  if (header.list("Content-Encoding").some((coding) => coding.toLowerCase() === "aws-chunked") || announced) {
    throw new S3Error(
      "InvalidRequest",
      "Content that is framed as aws-chunked needs an x-amz-content-sha256 that says so.",
    );
  }
  if (value === "UNSIGNED-PAYLOAD") return { kind: "unsigned" };
  if (/^[0-9a-f]{64}$/i.test(value)) return { kind: "hashed", sha256: Buffer.from(value, "hex") };
  if (value.startsWith("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")) {
    throw new S3Error("NotImplemented", "Signatures by ECDSA are not implemented.");
  }
  throw new S3Error(
    "InvalidArgument",
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
  );
}

function decodedLength(header: FieldLines): number {
  const text = header.get("x-amz-decoded-content-length") ?? "";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new S3Error("MissingContentLength");
}
