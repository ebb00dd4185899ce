import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { S3Error, checksumElement, checksumField, text, verdictS3Error, xmlDocument } from "@trailsum/s3";
import {
  type Algorithm,
  createDigester,
  createVerifyingStream,
  decideVerdict,
  type Digests,
  type FieldLine,
  type FieldLines,
  type Verdict,
} from "@trailsum/shared";

import { tooLarge } from "../../request/request-body.ts";
import { type NamedPart, parseCompleteRequest } from "../multipart/complete-request.ts";
import type { MultipartRecord } from "../multipart/multipart-record.ts";
import type { StoredPart } from "../multipart/multipart-uploads.ts";
import { answerLong } from "../long-answer.ts";
import { receiveDocument } from "../received-document.ts";
import type { ObjectOperation, S3Context } from "../s3-context.ts";
import type { ObjectRequest } from "../s3-request.ts";
import { sendXml } from "../s3-response.ts";
import { s3EntityTag } from "../stored-fields.ts";
import { writeCondition } from "../write-condition.ts";

/**
 * CompleteMultipartUpload: reads the parts again, each of which must be what was verified when it came, and publishes all of
 * them as one object with its digests.
 */
export const completeMultipartUpload: ObjectOperation = async (request, context) => {
  const { query, path } = request;
  const { uploads } = context;
  const id = query.get("uploadId") ?? "";
  const found = await uploads.find(id, path).catch(() => undefined);
  const content = await receiveDocument(aboutDocument(request), { ...context.policy, allowUnverified: true });
  const algorithm = found?.record.checksum?.algorithm;
  const named = parseCompleteRequest(content, algorithm);
  if (found === undefined) return sendXml(request, await documentAgain(request, context, named));
  const complete = async (): Promise<Buffer> => {
    const { record } = await uploads.find(id, path);
    const parts = await Promise.all(named.map((part) => storedPart(context, id, part, algorithm)));
    const completed = await publish(request, context, record, parts);
    await uploads.remove(id);
    await context.reportStored(request, completed);
    return resultDocument(request, completed.fields, record, completed.verdict.computed);
  };
  await answerLong(request, () => uploads.inTurn(id, complete), context.recordRefusal);
};

/** The request without what it says of the object: its content is the list of the parts. */
function aboutDocument(request: ObjectRequest): ObjectRequest {
  const header = request.head.header.without((name) => /^x-amz-(?:sdk-)?checksum-/i.test(name));
  return { ...request, head: { ...request.head, header } };
}

/** The part that the request names, if it is that one. */
async function storedPart(
  { uploads }: S3Context,
  id: string,
  { number, tag, checksum }: NamedPart,
  algorithm: Algorithm | undefined,
): Promise<StoredPart> {
  const part = await uploads.part(id, number);
  const { values } = part?.record.digests ?? { values: new Map<Algorithm, Buffer>() };
  const isChecksum = checksum === undefined || (algorithm && values.get(algorithm)?.toString("base64")) === checksum;
  if (part === undefined || values.get("md5")?.toString("hex") !== tag || !isChecksum) throw new S3Error("InvalidPart");
  return part;
}

interface Completed {
  readonly verdict: Verdict;
  readonly created: boolean;
  readonly fields: readonly FieldLine[];
}

async function publish(
  { head, path }: ObjectRequest,
  { store, policy }: S3Context,
  record: MultipartRecord,
  parts: readonly StoredPart[],
): Promise<Completed> {
  const size = parts.reduce((sum, part) => sum + part.record.digests.size, 0);
  if (policy.maxSize !== undefined && size > policy.maxSize) throw tooLarge(policy.maxSize);
  const announced = head.header.get("x-amz-mp-object-size");
  if (announced !== undefined && announced !== String(size)) {
    throw new S3Error("InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match what was computed.");
  }
  const own = await ownFields(record, parts);
  const condition = writeCondition(head);
  const fields = [...record.fields, ...own];
  const staged = await store.stage(path, { size, fields });
  try {
    const verdict = await join(parts, staged.content, claims(head.header, record, own), record);
    const verified = verdict.name === "verified" || parts.every((part) => part.record.verified);
    const how = { condition, verified };
    const { created } = await staged.commit(verdict.computed, how);
    return { verdict: verified ? { ...verdict, name: "verified" } : verdict, created, fields };
  } finally {
    await staged.discard();
  }
}

/** The entity tag of the object, and its checksum if that is made of those of its parts. */
async function ownFields({ checksum }: MultipartRecord, parts: readonly StoredPart[]): Promise<FieldLine[]> {
  const tag = await digestOfDigests("md5", parts);
  const fields: FieldLine[] = [["ETag", `"${tag.toString("hex")}-${parts.length}"`]];
  if (checksum?.type !== "COMPOSITE") return fields;
  const composite = await digestOfDigests(checksum.algorithm, parts);
  fields.push([checksumField(checksum.algorithm), `${composite.toString("base64")}-${parts.length}`]);
  fields.push(["x-amz-checksum-type", "COMPOSITE"]);
  return fields;
}

async function digestOfDigests(algorithm: Algorithm, parts: readonly StoredPart[]): Promise<Buffer> {
  const digester = await createDigester([algorithm]);
  for (const { record } of parts) digester.update(record.digests.values.get(algorithm)!);
  return digester.digest().values.get(algorithm)!;
}

/** The size and checksums that the request demands of the whole. A checksum of checksums is compared here. */
function claims(header: FieldLines, { checksum }: MultipartRecord, own: readonly FieldLine[]): FieldLines {
  if (checksum === undefined) return header;
  const field = checksumField(checksum.algorithm);
  const value = header.get(field);
  const composite = own.find(([name]) => name === field)?.[1];
  if (value === undefined || composite === undefined) return header;
  if (value !== composite && value !== composite.replace(/-\d+$/, "")) throw new S3Error("BadDigest");
  return header.delete(field);
}

/** Writes the parts to `destination`, one after the other. Throws if one of them is not what came. */
async function join(
  parts: readonly StoredPart[],
  destination: NodeJS.WritableStream,
  header: FieldLines,
  { checksum }: MultipartRecord,
): Promise<Verdict> {
  const verifying = createVerifyingStream({
    algorithms: ["md5", "sha-256", checksum?.algorithm ?? "crc64nvme"],
    decide: (computed) => decideVerdict({ header, computed }),
    accept: ({ name }) => name === "verified" || name === "unverified",
  });
  try {
    await pipeline(Readable.from(contentOf(parts), { objectMode: false }), verifying, destination);
  } catch (error) {
    const verdict = await verifying.verdict.catch(() => undefined);
    if (verdict === undefined || verdict.name === "verified" || verdict.name === "unverified") throw error;
    throw verdictS3Error(verdict, { cause: error });
  }
  return verifying.verdict;
}

async function* contentOf(parts: readonly StoredPart[]): AsyncGenerator<Buffer> {
  for (const { stored, record } of parts) {
    // oxlint-disable-next-line no-await-in-loop -- the parts are in this order
    const digester = await createDigester(["md5"]);
    for await (const piece of stored.read()) {
      digester.update(piece);
      yield piece;
    }
    const { size, values } = digester.digest();
    if (size === record.digests.size && values.get("md5")!.equals(record.digests.values.get("md5")!)) continue;
    throw new S3Error("InvalidPart", `Part ${record.number} no longer matches its checksum: send it again.`);
  }
}

/** A client that lost the answer asks again: the upload is gone, and the object is there. */
async function documentAgain(
  request: ObjectRequest,
  { store }: S3Context,
  named: readonly NamedPart[],
): Promise<Buffer> {
  const digester = await createDigester(["md5"]);
  for (const { tag } of named) digester.update(Buffer.from(tag, "hex"));
  const expected = `"${digester.digest().values.get("md5")!.toString("hex")}-${named.length}"`;
  const object = await store.open(request.path);
  await object?.close();
  if (object === undefined || s3EntityTag(object) !== expected) throw new S3Error("NoSuchUpload");
  return resultDocument(request, object.fields, undefined, object.digests);
}

function resultDocument(
  request: ObjectRequest,
  fields: readonly FieldLine[],
  record: MultipartRecord | undefined,
  digests: Digests | undefined,
): Buffer {
  const { bucket, key } = request;
  const algorithm = record?.checksum?.algorithm ?? "crc64nvme";
  const kept = fields.find(([name]) => name === checksumField(algorithm))?.[1];
  const checksum = kept ?? digests?.values.get(algorithm)?.toString("base64");
  return xmlDocument("CompleteMultipartUploadResult", [
    text("Location", request.head.target.replace(/\?.*$/s, "")),
    text("Bucket", bucket),
    text("Key", key),
    text("ETag", fields.find(([name]) => name === "ETag")?.[1]),
    text(checksumElement(algorithm), checksum),
    text("ChecksumType", checksum === undefined ? undefined : kept === undefined ? "FULL_OBJECT" : "COMPOSITE"),
  ]);
}
