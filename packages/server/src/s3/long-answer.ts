import { type S3Error, xmlDeclaration } from "@trailsum/s3";
import { FieldLines, TrailsumError } from "@trailsum/shared";

import { responseHead, type UploadExchange } from "../upload-exchange.ts";
import { errorContent, sendXml } from "./s3-response.ts";

/** Less than the time for which clients of S3 wait for the next byte of an answer. Milliseconds. */
const INTERVAL = 10_000;

/** Logs and reports a refusal. Returns the error to answer with; undefined if the client went away. */
type RecordRefusal = (request: UploadExchange, error: TrailsumError) => S3Error | undefined;

/**
 * Answers with a document that may take long to make. As S3 does, it begins the answer with 200 after a while, and sends spaces so
 * that the client keeps its connection; what fails after that is an error document in the same answer. Rejects with what
 * fails before.
 */
export async function answerLong(
  request: UploadExchange,
  make: () => Promise<Buffer>,
  recordRefusal: RecordRefusal,
): Promise<void> {
  const { exchange } = request;
  let begun = false;
  const keepAlive = setInterval(() => {
    if (exchange.gone) return clearInterval(keepAlive);
    if (!begun) beginAnswer(request);
    begun = true;
    exchange.write(Buffer.from(" "));
  }, INTERVAL);
  try {
    const document = await make();
    if (begun) endAnswer(request, document);
    else sendXml(request, document);
  } catch (error) {
    if (!begun) throw error;
    const answered = recordRefusal(request, TrailsumError.from(error));
    if (answered === undefined) exchange.abort();
    else endAnswer(request, errorContent(request, answered));
  } finally {
    clearInterval(keepAlive);
  }
}

/** Nothing may come before the declaration of a document, and spaces may follow it (XML 1.0, section 2.8). */
function beginAnswer({ exchange }: UploadExchange): void {
  exchange.head({
    ...responseHead(200, [["Content-Type", "application/xml"]]),
    length: undefined,
    hasContent: true,
    trailers: false,
    givesUp: false,
  });
  exchange.write(Buffer.from(xmlDeclaration));
}

function endAnswer({ exchange }: UploadExchange, document: Buffer): void {
  exchange.write(document.subarray(xmlDeclaration.length));
  exchange.end(FieldLines.empty);
}
