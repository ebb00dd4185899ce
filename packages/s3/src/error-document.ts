import type { S3Error } from "./s3-errors.ts";
import { text, xmlError } from "./xml-writer.ts";

/** The document that S3 answers an error with. `resource` is what was asked for. */
export function errorDocument(error: S3Error, resource: string): Buffer {
  return xmlError([text("Code", error.s3Code), text("Message", error.message), text("Resource", resource)]);
}
