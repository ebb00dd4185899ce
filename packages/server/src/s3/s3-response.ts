import { randomBytes } from "node:crypto";

import { errorDocument, type S3Error } from "@trailsum/s3";
import { type FieldLine, redactedTarget } from "@trailsum/shared";

import { sendShort, type UploadExchange } from "../upload-exchange.ts";

/** Answers without content. */
export function sendEmpty({ exchange }: UploadExchange, status: number, header: readonly FieldLine[] = []): void {
  const content = status === 204 || status === 304 ? undefined : Buffer.alloc(0);
  sendShort(exchange, { status, header, content });
}

/** Answers with an XML document. */
export function sendXml({ exchange }: UploadExchange, content: Buffer, header: readonly FieldLine[] = []): void {
  sendShort(exchange, { status: 200, header: [["Content-Type", "application/xml"], ...header], content });
}

/** Answers with an error. Content of the request that has not come is given up. */
export function sendError(upload: UploadExchange, error: S3Error, header: readonly FieldLine[] = []): void {
  const { exchange } = upload;
  // Half an answer cannot be taken back, and must not be completed with something else.
  if (exchange.status !== undefined || exchange.gone) return exchange.abort();
  const status = error.status ?? 500;
  const requestId = newRequestId();
  const content = errorContent(upload, error, requestId);
  const type: FieldLine[] = status === 304 ? [] : [["Content-Type", "application/xml"]];
  const id: FieldLine = ["x-amz-request-id", requestId];
  sendShort(exchange, { status, header: [...type, id, ...header], content, givesUp: true });
}

/** The document for an error of a request. */
export function errorContent({ head }: UploadExchange, error: S3Error, requestId: string = newRequestId()): Buffer {
  return errorDocument(error, { resource: redactedTarget(head.target), requestId });
}

function newRequestId(): string {
  return randomBytes(8).toString("hex").toUpperCase();
}
