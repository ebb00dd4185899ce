import type { S3Error } from "./s3-errors.ts";
import { text, xmlError } from "./xml-writer.ts";

/** What an error was given for. */
interface FailedRequest {
  /** What was asked for. */
  readonly resource: string;
  /** The value of `x-amz-request-id`, which clients show and log. */
  readonly requestId: string;
}

/** The document that S3 answers an error with. */
export function errorDocument(error: S3Error, { resource, requestId }: FailedRequest): Buffer {
  return xmlError([
    text("Code", error.s3Code),
    text("Message", error.message),
    text("Resource", resource),
    text("RequestId", requestId),
  ]);
}
