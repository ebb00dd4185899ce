import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { S3Error, checksumName, declaredChecksum, decodedContent, verdictS3Error } from "@trailsum/s3";
import type { Algorithm, Verdict } from "@trailsum/shared";

import type { ReceivedMessage } from "../request/request-body.ts";
import { isAcceptable, type VerificationPolicy, verifyContent } from "../verify-request.ts";
import type { S3Request } from "./s3-request.ts";

/** Content that arrived whole, and is what its sender says. */
export interface ReceivedContent {
  readonly verdict: Verdict;
  /** The algorithm of the checksum that came with it; crc64nvme without one, as in S3. */
  readonly checksum: Algorithm;
  /** Whether it was verified by anything of its sender: a digest, or the signatures of its chunks. */
  readonly verified: boolean;
}

/** What content must be to be received. */
export type ReceivingPolicy = Omit<VerificationPolicy, "algorithms" | "signatureKeys">;

/** How many bytes of content a request has, without framing; undefined if only the end shows it. */
export function contentSize({ head, payload }: S3Request): number | undefined {
  return payload.kind === "aws-chunked" ? payload.size : head.size;
}

/**
 * Receives the content of a request into `destination`, which is ended only if it is what the request says: by its
 * checksum, its `Content-MD5`, `x-amz-content-sha256` or the signatures of its chunks. Throws an {@link S3Error} otherwise.
 * `announced` is the algorithm of the checksum that it must have if it has any.
 */
export async function receiveContent(
  request: S3Request,
  destination: Writable,
  policy: ReceivingPolicy,
  announced?: Algorithm,
): Promise<ReceivedContent> {
  const { payload, head } = request;
  const declared = declaredChecksum(head.header);
  if (announced !== undefined && declared !== undefined && declared.algorithm !== announced) {
    throw new S3Error(
      "InvalidRequest",
      `Checksum Type mismatch occurred, expected checksum Type: ${checksumName(announced)}, actual checksum Type: ${checksumName(declared.algorithm)}`,
    );
  }
  const checksum = declared?.algorithm ?? announced ?? "crc64nvme";
  const isSigned = payload.kind === "aws-chunked" && payload.signed;
  const accepted = { ...policy, allowUnverified: policy.allowUnverified === true || isSigned };
  const { body, verdict } = verifyContent(decodedMessage(request), {
    ...accepted,
    record: ["md5", "sha-256", checksum],
    expected: payload.kind === "hashed" ? new Map([["sha-256", payload.sha256]]) : undefined,
  });
  try {
    await pipeline(body, destination);
  } catch (error) {
    const reached = await verdict.catch(() => undefined);
    if (reached === undefined || isAcceptable(reached, accepted)) throw error;
    throw verdictS3Error(reached, { cause: error });
  }
  const reached = await verdict;
  const verified = reached.name === "verified" || isSigned;
  return { verdict: verified ? { ...reached, name: "verified" } : reached, checksum, verified };
}

/** The message without the framing of S3. Its trailers are those within the content. */
function decodedMessage({ head, exchange: { content }, payload, signature }: S3Request): ReceivedMessage {
  if (payload.kind !== "aws-chunked") return { head, content };
  const { content: decoded, ...described } = decodedContent({ header: head.header, content, payload, signature });
  return { head: { ...head, ...described }, content: decoded };
}
