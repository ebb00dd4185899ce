import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  getBucketVersioning,
  headBucket,
} from "./operations/buckets.ts";
import { deleteObject } from "./operations/delete-object.ts";
import { getObject } from "./operations/get-object.ts";
import { listObjects } from "./operations/list-objects.ts";
import { putObject } from "./operations/put-object.ts";
import type { BucketOperation, ObjectOperation } from "./s3-context.ts";
import { S3Error } from "./s3-errors.ts";
import type { S3Query } from "./s3-query.ts";

/** An operation, and whether it changes anything. */
interface Row<Operation> {
  readonly method: string;
  /** The parameters that the query must have; with a value where there is one. */
  readonly required: readonly string[];
  /** The others that it may have. */
  readonly allowed: readonly string[];
  readonly operation: Operation;
}

const OVERRIDES = ["type", "language", "expires", "cache-control", "content-disposition", "content-encoding"];
const RESPONSE = OVERRIDES.map((name) => `response-${name.replace(/^(?:type|language)$/, "content-$&")}`);
const LISTING = ["list-type", "prefix", "delimiter", "max-keys", "encoding-type", "fetch-owner"];
const PAGES = ["marker", "start-after", "continuation-token"];

const OBJECT: readonly Row<ObjectOperation>[] = [
  { method: "PUT", required: [], allowed: [], operation: putObject },
  { method: "GET", required: [], allowed: RESPONSE, operation: getObject },
  { method: "HEAD", required: [], allowed: RESPONSE, operation: getObject },
  { method: "DELETE", required: [], allowed: [], operation: deleteObject },
];

const BUCKET: readonly Row<BucketOperation>[] = [
  { method: "PUT", required: [], allowed: [], operation: createBucket },
  { method: "DELETE", required: [], allowed: [], operation: deleteBucket },
  { method: "HEAD", required: [], allowed: [], operation: headBucket },
  { method: "GET", required: ["location"], allowed: [], operation: getBucketLocation },
  { method: "GET", required: ["versioning"], allowed: [], operation: getBucketVersioning },
  { method: "GET", required: [], allowed: [...LISTING, ...PAGES], operation: listObjects },
];

/** Parameters that any request may have: the SDKs name the operation, and a signature may be in the query. */
const ANY = /^(?:x-id|x-amz-.*)$/i;

/** The operation on an object. Throws for what there is none for. */
export function objectOperation(method: string, query: S3Query): ObjectOperation {
  return select(OBJECT, method, query);
}

/** The operation on a bucket. */
export function bucketOperation(method: string, query: S3Query): BucketOperation {
  return select(BUCKET, method, query);
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
