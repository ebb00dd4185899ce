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
export function sendError({ head, exchange }: UploadExchange, error: S3Error, header: readonly FieldLine[] = []): void {
  // Half an answer cannot be taken back, and must not be completed with something else.
  if (exchange.status !== undefined || exchange.gone) return exchange.breakOff();
  const status = error.status ?? 500;
  const content = errorDocument(error, redactedTarget(head.target));
  const type: FieldLine[] = status === 304 ? [] : [["Content-Type", "application/xml"]];
  sendShort(exchange, { status, header: [...type, ...header], content, givesUp: true });
}
