import { S3Error, checksumElement } from "@trailsum/s3";
import type { Algorithm } from "@trailsum/shared";
import type { XmlElement } from "@rgrove/parse-xml";

import { childrenOf, parseXmlBody, textOf } from "../xml/xml-body.ts";

/** A part as the request to complete an upload names it. */
export interface NamedPart {
  readonly number: number;
  /** Its entity tag without quotes. */
  readonly tag: string;
  /** Its checksum in base64, by the algorithm of the upload; undefined if the request does not have it. */
  readonly checksum: string | undefined;
}

const MAX_PARTS = 10_000;

/** Reads which parts an upload is to be completed from. Throws `MalformedXML` and `InvalidPartOrder`. */
export function parseCompleteRequest(content: Buffer, algorithm: Algorithm | undefined): NamedPart[] {
  const parts = childrenOf(parseXmlBody(content, "CompleteMultipartUpload"), "Part").map((part) =>
    parsePart(part, algorithm),
  );
  if (parts.length === 0 || parts.length > MAX_PARTS) throw new S3Error("MalformedXML");
  const isAscending = parts.every(({ number }, at) => at === 0 || parts[at - 1]!.number < number);
  if (!isAscending) throw new S3Error("InvalidPartOrder");
  return parts;
}

function parsePart(part: XmlElement, algorithm: Algorithm | undefined): NamedPart {
  const number = parsePartNumber(textOf(part, "PartNumber"));
  const tag = textOf(part, "ETag")?.replace(/^"(.*)"$/, "$1");
  if (number === undefined || tag === undefined) throw new S3Error("MalformedXML");
  return { number, tag, checksum: algorithm && textOf(part, checksumElement(algorithm)) };
}

/** A number from 1 to 10 000; undefined for anything else. */
export function parsePartNumber(value: string | undefined): number | undefined {
  const number = /^\d{1,5}$/.test(value ?? "") ? Number(value) : 0;
  return number >= 1 && number <= MAX_PARTS ? number : undefined;
}
