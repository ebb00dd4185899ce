import {
  S3Error,
  checksumElement,
  checksumFields,
  checksumName,
  element,
  encodePath,
  parseChecksumName,
  text,
  xmlDocument,
} from "@trailsum/s3";

import { checkBucket, type BucketOperation, type ObjectOperation } from "../s3-context.ts";
import { proceed } from "../../upload-exchange.ts";
import { refuseByHead } from "../../receive-upload.ts";
import { parsePartNumber } from "../multipart/complete-request.ts";
import type { MultipartChecksum } from "../multipart/multipart-record.ts";
import { contentSize, receiveContent } from "../received-content.ts";
import type { ObjectRequest } from "../s3-request.ts";
import { sendEmpty, sendXml } from "../s3-response.ts";
import { keptFields } from "../stored-fields.ts";
import { refuseUnsupportedFields } from "../unsupported-fields.ts";

/** The most parts or uploads of one page. */
const MAX_LISTED = 1000;

/** CreateMultipartUpload. */
export const createMultipartUpload: ObjectOperation = async (request, context) => {
  const { head, bucket, key, path } = request;
  refuseUnsupportedFields(head);
  await checkBucket(request, context);
  if (key.endsWith("/")) throw new S3Error("InvalidArgument", 'A key that ends in "/" is a directory here.');
  const checksum = announcedChecksum(request);
  const fields = keptFields(head.header);
  const id = await context.uploads.create({ bucket, key, path, fields, checksum });
  const answered =
    checksum === undefined
      ? []
      : ([
          ["x-amz-checksum-algorithm", checksumName(checksum.algorithm)],
          ["x-amz-checksum-type", checksum.type],
        ] as const);
  const names = [text("Bucket", bucket), text("Key", key), text("UploadId", id)];
  sendXml(request, xmlDocument("InitiateMultipartUploadResult", names), answered);
};

function announcedChecksum({ head }: ObjectRequest): MultipartChecksum | undefined {
  const name = head.header.get("x-amz-checksum-algorithm");
  const type = head.header.get("x-amz-checksum-type")?.toUpperCase();
  if (type !== undefined && type !== "COMPOSITE" && type !== "FULL_OBJECT") {
    throw new S3Error("InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
  }
  if (name === undefined) {
    if (type === undefined) return undefined;
    throw new S3Error(
      "InvalidRequest",
      "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
    );
  }
  const algorithm = parseChecksumName(name);
  return { algorithm, type: type ?? (algorithm === "crc64nvme" ? "FULL_OBJECT" : "COMPOSITE") };
}

/** The number of the part and the id of the upload that a request names. Throws `InvalidArgument`. */
export function namedPart({ query }: ObjectRequest): { readonly number: number; readonly id: string } {
  const number = parsePartNumber(query.get("partNumber"));
  if (number !== undefined) return { number, id: query.get("uploadId") ?? "" };
  throw new S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
}

/** UploadPart: a part is kept only if it is what the request says. */
export const uploadPart: ObjectOperation = async (request, { store, uploads, policy }) => {
  const { head, path } = request;
  refuseUnsupportedFields(head);
  const { id, number } = namedPart(request);
  const size = contentSize(request);
  refuseByHead({ ...head, size }, policy.maxSize);
  const { record } = await uploads.find(id, path);
  await uploads.checkRoom(size ?? 0);
  const staged = await store.stage(path, { size });
  try {
    proceed(request);
    const announced = record.checksum?.algorithm;
    const { verdict, checksum, verified } = await receiveContent(request, staged.content, policy, announced);
    const digests = verdict.computed;
    await uploads.keepPart(staged, id, { number, digests, verified });
    sendEmpty(request, 200, [
      ["ETag", `"${digests.values.get("md5")!.toString("hex")}"`],
      ...checksumFields(digests, [checksum]).filter(([name]) => name !== "x-amz-checksum-type"),
    ]);
  } finally {
    await staged.discard();
  }
};

/** AbortMultipartUpload. */
export const abortMultipartUpload: ObjectOperation = async (request, { uploads }) => {
  const id = request.query.get("uploadId") ?? "";
  await uploads.find(id, request.path);
  await uploads.inTurn(id, async () => {
    await uploads.find(id, request.path);
    await uploads.remove(id);
  });
  sendEmpty(request, 204);
};

/** ListParts. */
export const listParts: ObjectOperation = async (request, { uploads }) => {
  const { query, bucket, key, path } = request;
  const id = query.get("uploadId") ?? "";
  const { record } = await uploads.find(id, path);
  const after = query.integer("part-number-marker", 10_000) ?? 0;
  const most = query.integer("max-parts", MAX_LISTED) ?? MAX_LISTED;
  const parts = (await uploads.parts(id)).filter(({ number }) => number > after);
  const listed = parts.slice(0, most);
  const algorithm = record.checksum?.algorithm;
  const document = xmlDocument("ListPartsResult", [
    text("Bucket", bucket),
    text("Key", key),
    text("UploadId", id),
    text("PartNumberMarker", after),
    text("NextPartNumberMarker", listed.at(-1)?.number ?? 0),
    text("MaxParts", most),
    text("IsTruncated", String(listed.length < parts.length)),
    text("StorageClass", "STANDARD"),
    text("ChecksumAlgorithm", algorithm && checksumName(algorithm)),
    text("ChecksumType", record.checksum?.type),
    ...listed.map(({ number, digests, modified }) =>
      element("Part", [
        text("PartNumber", number),
        text("LastModified", new Date(modified).toISOString()),
        text("ETag", `"${digests.values.get("md5")!.toString("hex")}"`),
        text("Size", digests.size),
        algorithm && text(checksumElement(algorithm), digests.values.get(algorithm)?.toString("base64")),
      ]),
    ),
  ]);
  sendXml(request, document);
};

/** ListMultipartUploads. */
export const listUploads: BucketOperation = async (request, context) => {
  const { query, bucket } = request;
  await checkBucket(request, context);
  const prefix = query.get("prefix") ?? "";
  const keyMarker = query.get("key-marker") ?? "";
  const idMarker = query.get("upload-id-marker") ?? "";
  const most = query.integer("max-uploads", MAX_LISTED) ?? MAX_LISTED;
  const encoding = query.get("encoding-type");
  const encode = (name: string): string => (encoding === "url" ? encodePath(name) : name);
  const all = (await context.uploads.list(bucket)).filter(({ record }) => record.key.startsWith(prefix));
  const marked = all.findIndex(({ id, record }) => record.key === keyMarker && id === idMarker);
  const rest = marked === -1 ? all.filter(({ record }) => record.key > keyMarker) : all.slice(marked + 1);
  const listed = rest.slice(0, most);
  const last = listed.length < rest.length ? listed.at(-1) : undefined;
  const document = xmlDocument("ListMultipartUploadsResult", [
    text("Bucket", bucket),
    text("KeyMarker", encode(keyMarker)),
    text("UploadIdMarker", idMarker),
    text("NextKeyMarker", last && encode(last.record.key)),
    text("NextUploadIdMarker", last?.id),
    text("Prefix", encode(prefix)),
    text("EncodingType", encoding),
    text("MaxUploads", most),
    text("IsTruncated", String(last !== undefined)),
    ...listed.map(({ id, record }) =>
      element("Upload", [
        text("Key", encode(record.key)),
        text("UploadId", id),
        text("Initiated", new Date(record.initiated).toISOString()),
        text("StorageClass", "STANDARD"),
        text("ChecksumAlgorithm", record.checksum && checksumName(record.checksum.algorithm)),
        text("ChecksumType", record.checksum?.type),
      ]),
    ),
  ]);
  sendXml(request, document);
};
