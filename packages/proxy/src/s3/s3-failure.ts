import { randomBytes } from "node:crypto";

import type { InboundRequest } from "@trailsum/http/inbound";
import { errorDocument, S3Error, s3ErrorOf } from "@trailsum/s3";
import { FieldLines, redactedTarget, type TrailsumError } from "@trailsum/shared";

import type { FailureResponse } from "../failure.ts";

/** The answer to a request of an S3 client that failed: an error document of S3. Internal causes are not revealed. */
export function s3FailureResponse(error: TrailsumError, { target }: InboundRequest): FailureResponse {
  const { status = 500 } = error;
  const known = status < 500 || error instanceof S3Error ? s3ErrorOf(error) : undefined;
  const answered = known ?? new S3Error("InternalError", undefined, { status: Math.max(status, 500) });
  const resource = redactedTarget(target.query === undefined ? target.path : `${target.path}?${target.query}`);
  const requestId = randomBytes(8).toString("hex").toUpperCase();
  return {
    status: answered.status ?? 500,
    header: FieldLines.from([
      ["Content-Type", "application/xml"],
      ["x-amz-request-id", requestId],
    ]),
    content: errorDocument(answered, { resource, requestId }),
  };
}
