import { pipeline } from "node:stream/promises";

import {
  S3Error,
  type Xml,
  checksumElement,
  decodeComponent,
  parseChecksumName,
  text,
  xmlDocument,
} from "@trailsum/s3";
import {
  type Algorithm,
  createVerifyingStream,
  decideVerdict,
  type Digests,
  type FieldLine,
  FieldLines,
  TrailsumError,
} from "@trailsum/shared";

import { isHidden } from "../../access/dotfiles.ts";
import { type ByteRange, selectRanges } from "../../request/byte-ranges.ts";
import { objectPathOf } from "../../stores/object-path.ts";
import { evaluatePreconditions, parsePreconditions } from "../../request/preconditions.ts";
import type { StoredObject } from "../../stores/store.ts";
import { checkBucket, type ObjectOperation, type S3Context } from "../s3-context.ts";
import type { ObjectRequest } from "../s3-request.ts";
import { sendXml } from "../s3-response.ts";
import { copiedFields, keptFields, s3EntityTag, s3Validators } from "../stored-fields.ts";
import { refuseUnsupportedFields } from "../unsupported-fields.ts";
import { namedPart } from "./multipart.ts";
import { writeCondition } from "../write-condition.ts";

/** CopyObject: what is copied is verified on the way. */
export const copyObject: ObjectOperation = async (request, context) => {
  const { head, path, key } = request;
  const { store } = context;
  refuseUnsupportedFields(head);
  await checkBucket(request, context);
  const source = sourcePath(request, context);
  if (key.endsWith("/")) return copyDirectory(request, context, source);
  const directive = head.header.get("x-amz-metadata-directive")?.toUpperCase() ?? "COPY";
  if (directive !== "COPY" && directive !== "REPLACE") {
    throw new S3Error("InvalidArgument", "Unknown metadata directive.");
  }
  if (source === path && directive === "COPY") {
    throw new S3Error(
      "InvalidRequest",
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.",
    );
  }
  const object = await openSource(request, context, source);
  try {
    const fields = directive === "COPY" ? copiedFields(object.fields) : keptFields(head.header);
    const condition = writeCondition(head);
    const staged = await store.stage(path, { size: object.size, fields });
    try {
      const digests = await copyContent(object, staged.content, { algorithm: wantedChecksum(request) });
      const { verified, modified } = object;
      const how = { condition, verified: verified !== undefined };
      await staged.commit(digests, how);
      sendXml(request, copyResult("CopyObjectResult", request, { ...digests, digests, modified }));
    } finally {
      await staged.discard();
    }
  } finally {
    await object.close();
  }
};

/** UploadPartCopy: a part is a range of an object. */
export const copyPart: ObjectOperation = async (request, context) => {
  const { head, path } = request;
  const { store, uploads } = context;
  refuseUnsupportedFields(head);
  const { id, number } = namedPart(request);
  const { record } = await uploads.find(id, path);
  const object = await openSource(request, context, sourcePath(request, context));
  try {
    const range = sourceRange(request, object.size);
    const size = range === undefined ? object.size : range.end - range.start;
    await uploads.checkRoom(size);
    const staged = await store.stage(path, { size });
    try {
      const digests = await copyContent(object, staged.content, { algorithm: record.checksum?.algorithm, range });
      await uploads.keepPart(staged, id, { number, digests, verified: object.verified !== undefined });
      sendXml(request, copyResult("CopyPartResult", request, { ...digests, digests, modified: new Date() }));
    } finally {
      await staged.discard();
    }
  } finally {
    await object.close();
  }
};

/** A directory has no content and no fields to copy. */
async function copyDirectory(request: ObjectRequest, { store }: S3Context, source: string): Promise<void> {
  if ((await store.list(source)) === undefined) throw new S3Error("NoSuchKey");
  await store.makeDirectory(request.path);
  const digests: Digests = { size: 0, values: new Map() };
  sendXml(request, copyResult("CopyObjectResult", request, { ...digests, digests, modified: new Date() }));
}

interface Copied {
  readonly size: number;
  readonly digests: Digests;
  readonly modified: Date;
}

function copyResult(root: string, request: ObjectRequest, { size, digests, modified }: Copied): Buffer {
  const algorithm = wantedChecksum(request) ?? "crc64nvme";
  const checksum = digests.values.get(algorithm)?.toString("base64");
  const elements: (Xml | undefined)[] = [
    text("LastModified", new Date().toISOString()),
    text("ETag", s3EntityTag({ size, digests, modified })),
    text(checksumElement(algorithm), checksum),
  ];
  return xmlDocument(root, elements);
}

function wantedChecksum({ head }: ObjectRequest): Algorithm | undefined {
  const name = head.header.get("x-amz-checksum-algorithm");
  return name === undefined ? undefined : parseChecksumName(name);
}

/** The path of the object that is to be copied. */
function sourcePath({ head }: ObjectRequest, { dotfiles }: S3Context): string {
  const [encoded = "", version] = (head.header.get("x-amz-copy-source") ?? "").split("?");
  if (version !== undefined) throw new S3Error("NotImplemented", "Object versions are not supported.");
  const segments = decodeComponent(encoded).replace(/^\//, "").split("/");
  if (segments.length < 2 || segments[0] === "") {
    throw new S3Error("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  }
  const { path } = objectPathOf(segments);
  if (!dotfiles && isHidden(path)) throw new S3Error("NoSuchKey");
  return path;
}

async function openSource({ head }: ObjectRequest, { store, corrupt }: S3Context, path: string): Promise<StoredObject> {
  const object = await store.open(path);
  if (object === undefined) throw new S3Error("NoSuchKey");
  try {
    corrupt.refuse(path, object);
    const preconditions = parsePreconditions(sourceConditions(head.header));
    // A copy reads, and answers what a read would not be answered with as a write.
    const result = preconditions && evaluatePreconditions(preconditions, true, s3Validators(object));
    if (result !== undefined && result !== "perform") throw new S3Error("PreconditionFailed");
    return object;
  } catch (error) {
    await object.close();
    throw error;
  }
}

const CONDITION = /^x-amz-copy-source-(if-(?:match|none-match|modified-since|unmodified-since))$/i;

/** The conditions on what is copied, under the names that they have in HTTP. */
function sourceConditions(header: FieldLines): FieldLines {
  return FieldLines.from(
    [...header].flatMap(([name, value]): FieldLine[] => {
      const condition = CONDITION.exec(name)?.[1];
      return condition === undefined ? [] : [[condition, value]];
    }),
  );
}

function sourceRange({ head }: ObjectRequest, size: number): ByteRange | undefined {
  const value = head.header.get("x-amz-copy-source-range");
  if (value === undefined) return undefined;
  const selection = selectRanges(value, size);
  if (typeof selection !== "string" && selection.length === 1) return selection[0];
  throw new S3Error("InvalidRange", `The range ${JSON.stringify(value)} is not valid for the source object.`);
}

interface CopyOptions {
  readonly algorithm: Algorithm | undefined;
  readonly range?: ByteRange | undefined;
}

/** Copies content. Throws `STORED_BYTES_DIFFER` if it is not what its digests say. */
async function copyContent(
  object: StoredObject,
  destination: NodeJS.WritableStream,
  { algorithm = "crc64nvme", range }: CopyOptions,
): Promise<Digests> {
  const sha256 = range === undefined ? object.digests?.values.get("sha-256") : undefined;
  const expected: ReadonlyMap<Algorithm, Buffer> = new Map(sha256 === undefined ? [] : [["sha-256", sha256]]);
  const verifying = createVerifyingStream({
    algorithms: ["md5", "sha-256", algorithm],
    decide: (computed) => decideVerdict({ header: FieldLines.empty, computed, expected }),
    accept: ({ name }) => name === "verified" || name === "unverified",
  });
  try {
    await pipeline(object.createReadStream({ ...range }), verifying, destination);
  } catch (cause) {
    const verdict = await verifying.verdict.catch(() => undefined);
    if (verdict?.name !== "mismatched") throw cause;
    throw new TrailsumError("STORED_BYTES_DIFFER", "the stored content no longer matches its verified digest", {
      cause,
    });
  }
  return (await verifying.verdict).computed;
}
