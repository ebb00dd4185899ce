import { S3Error, type S3Query } from "@trailsum/s3";

import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  getBucketVersioning,
  headBucket,
  listBuckets,
} from "./operations/buckets.ts";
import { completeMultipartUpload } from "./operations/complete-multipart-upload.ts";
import { copyObject, copyPart } from "./operations/copy-object.ts";
import { deleteObjects } from "./operations/delete-objects.ts";
import {
  abortMultipartUpload,
  createMultipartUpload,
  listParts,
  listUploads,
  uploadPart,
} from "./operations/multipart.ts";
import { deleteObject } from "./operations/delete-object.ts";
import { getObject, getObjectTagging } from "./operations/get-object.ts";
import { getObjectAttributes } from "./operations/get-object-attributes.ts";
import { listObjects } from "./operations/list-objects.ts";
import { listVersions } from "./operations/list-versions.ts";
import { putObject } from "./operations/put-object.ts";
import type { RequestHead } from "../request/request-head.ts";
import type { BucketOperation, ObjectOperation, ServiceOperation } from "./s3-context.ts";
import { checkVersion } from "./s3-versions.ts";

/** An operation, and whether it changes anything. */
interface Row<Operation> {
  readonly method: string;
  /** The parameters that the query must have; with a value where there is one. */
  readonly required: readonly string[];
  /** The others that it may have. */
  readonly allowed: readonly string[];
  /** The field that makes it this operation. */
  readonly field?: string;
  readonly operation: Operation;
}

const OVERRIDES = ["type", "language", "expires", "cache-control", "content-disposition", "content-encoding"];
const RESPONSE = OVERRIDES.map((name) => `response-${name.replace(/^(?:type|language)$/, "content-$&")}`);
const LISTING = ["list-type", "prefix", "delimiter", "max-keys", "encoding-type", "fetch-owner"];
const UPLOADS = ["prefix", "max-uploads", "key-marker", "upload-id-marker", "encoding-type"];
const VERSIONS = ["prefix", "delimiter", "max-keys", "encoding-type", "key-marker", "version-id-marker"];
const PAGES = ["marker", "start-after", "continuation-token"];

const VERSION = "versionId";

const COPY = "x-amz-copy-source";

const OBJECT: readonly Row<ObjectOperation>[] = [
  { method: "POST", required: ["uploads"], allowed: [], operation: createMultipartUpload },
  { method: "PUT", required: ["uploadId", "partNumber"], allowed: [], field: COPY, operation: copyPart },
  { method: "PUT", required: ["uploadId", "partNumber"], allowed: [], operation: uploadPart },
  { method: "POST", required: ["uploadId"], allowed: [], operation: completeMultipartUpload },
  { method: "DELETE", required: ["uploadId"], allowed: [], operation: abortMultipartUpload },
  { method: "GET", required: ["uploadId"], allowed: ["max-parts", "part-number-marker"], operation: listParts },
  { method: "PUT", required: [], allowed: [], field: COPY, operation: copyObject },
  { method: "PUT", required: [], allowed: [], operation: putObject },
  { method: "GET", required: ["tagging"], allowed: [], operation: getObjectTagging },
  { method: "GET", required: ["attributes"], allowed: [VERSION], operation: getObjectAttributes },
  { method: "GET", required: [], allowed: [...RESPONSE, VERSION], operation: getObject },
  { method: "HEAD", required: [], allowed: [...RESPONSE, VERSION], operation: getObject },
  { method: "DELETE", required: [], allowed: [VERSION], operation: deleteObject },
];

const BUCKET: readonly Row<BucketOperation>[] = [
  { method: "PUT", required: [], allowed: [], operation: createBucket },
  { method: "DELETE", required: [], allowed: [], operation: deleteBucket },
  { method: "HEAD", required: [], allowed: [], operation: headBucket },
  { method: "GET", required: ["location"], allowed: [], operation: getBucketLocation },
  { method: "GET", required: ["versioning"], allowed: [], operation: getBucketVersioning },
  { method: "POST", required: ["delete"], allowed: [], operation: deleteObjects },
  { method: "GET", required: ["uploads"], allowed: UPLOADS, operation: listUploads },
  { method: "GET", required: ["versions"], allowed: VERSIONS, operation: listVersions },
  { method: "GET", required: [], allowed: [...LISTING, ...PAGES], operation: listObjects },
];

const SERVICE: readonly Row<ServiceOperation>[] = [
  { method: "GET", required: [], allowed: ["max-buckets", "prefix", "continuation-token"], operation: listBuckets },
];

/** Parameters that any request may have: the SDKs name the operation, and a signature may be in the query. */
const ANY = /^(?:x-id|x-amz-.*)$/i;

/** The operation on an object. Throws for an unsupported request. */
export function objectOperation({ method, header }: RequestHead, query: S3Query): ObjectOperation {
  checkVersion(query.get(VERSION));
  return select(
    OBJECT.filter(({ field }) => field === undefined || header.has(field)),
    method,
    query,
  );
}

/** The operation on a bucket. */
export function bucketOperation(method: string, query: S3Query): BucketOperation {
  return select(BUCKET, method, query);
}

/** The operation on all buckets. */
export function serviceOperation(method: string, query: S3Query): ServiceOperation {
  return select(SERVICE, method, query);
}

/** A query that asks for something unknown is never answered as if it did not. */
function select<Operation>(rows: readonly Row<Operation>[], method: string, query: S3Query): Operation {
  const names = query.pairs.map(([name]) => name).filter((name) => !ANY.test(name));
  const ofMethod = rows.filter((row) => row.method === method);
  const found = ofMethod.find(
    ({ required, allowed }) =>
      required.every((name) => names.includes(name)) &&
      names.every((name) => required.includes(name) || allowed.includes(name)),
  );
  if (found !== undefined) return found.operation;
  if (names.length > 0) {
    throw new S3Error(
      "NotImplemented",
      `A query with ${names.slice(0, 5).join(", ")} is not implemented for ${method}.`,
    );
  }
  throw new S3Error("MethodNotAllowed");
}
