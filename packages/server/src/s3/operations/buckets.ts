import { Writable } from "node:stream";

import { S3Error, type Xml, element, text, xmlDocument } from "@trailsum/s3";
import { TrailsumError } from "@trailsum/shared";

import { isHidden } from "../../access/dotfiles.ts";
import { proceed } from "../../upload-exchange.ts";
import { receiveContent } from "../received-content.ts";
import { type BucketOperation, checkBucket, type S3Context } from "../s3-context.ts";
import type { S3Request } from "../s3-request.ts";
import { sendEmpty, sendXml } from "../s3-response.ts";
import { formatToken, parseToken } from "./continuation-token.ts";
import { refuseUnsupportedFields } from "../unsupported-fields.ts";

/** What a bucket may be called. */
const BUCKET = /^(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9]|[.-](?=[a-z0-9])){2,62}$/;
/** The most bytes of a configuration. */
const MAX_CONFIGURATION = 64 * 1024;

/** The most buckets of one page. */
const MAX_BUCKETS = 10_000;

/** ListBuckets: the directories at the top of the store. */
export async function listBuckets(request: S3Request, { store, dotfiles }: S3Context): Promise<void> {
  const { query } = request;
  const max = query.integer("max-buckets", MAX_BUCKETS) ?? MAX_BUCKETS;
  if (max === 0) throw new S3Error("InvalidArgument", "max-buckets must be between 1 and 10000");
  const prefix = query.get("prefix") ?? "";
  const after = parseToken(query.get("continuation-token")) ?? "";
  const names: string[] = [];
  const buckets: Xml[] = [];
  for await (const { kind, name, modified } of (await store.list("", { after })) ?? []) {
    if (kind !== "directory" || !name.startsWith(prefix) || (isHidden(name) && !dotfiles)) continue;
    names.push(name);
    if (names.length > max) break;
    buckets.push(element("Bucket", [text("Name", name), text("CreationDate", modified.toISOString())]));
  }
  const document = xmlDocument("ListAllMyBucketsResult", [
    owner(),
    element("Buckets", buckets),
    text("ContinuationToken", names.length > max ? formatToken(`${names[max - 1]}/`) : undefined),
    text("Prefix", prefix === "" ? undefined : prefix),
  ]);
  sendXml(request, document);
}

/** The owner of everything. */
export function owner(): Xml {
  return element("Owner", [text("ID", "trailsum"), text("DisplayName", "trailsum")]);
}

/** CreateBucket. The region that its content names has no meaning here. */
export const createBucket: BucketOperation = async (request, { store, policy }) => {
  const { bucket, head } = request;
  refuseUnsupportedFields(head);
  if (!BUCKET.test(bucket)) throw new S3Error("InvalidBucketName");
  proceed(request);
  const discarded = new Writable({ write: (_chunk, _encoding, done) => done() });
  await receiveContent(request, discarded, {
    ...policy,
    require: [],
    allowUnverified: true,
    maxSize: MAX_CONFIGURATION,
  });
  if (!(await store.makeDirectory(bucket))) throw new S3Error("BucketAlreadyOwnedByYou");
  sendEmpty(request, 200, [["Location", `/${bucket}`]]);
};

/** DeleteBucket. */
export const deleteBucket: BucketOperation = async (request, { store }) => {
  const removed = await store.removeDirectory(request.bucket).catch((error: unknown) => {
    const isConflict = error instanceof TrailsumError && error.code === "CONFLICT";
    throw isConflict ? new S3Error("BucketNotEmpty", undefined, { cause: error }) : error;
  });
  if (!removed) throw new S3Error("NoSuchBucket");
  sendEmpty(request, 204);
};

/** HeadBucket. */
export const headBucket: BucketOperation = async (request, context) => {
  await checkBucket(request, context);
  sendEmpty(request, 200, [["x-amz-bucket-region", context.region]]);
};

/** GetBucketLocation: the first region has no name. */
export const getBucketLocation: BucketOperation = async (request, context) => {
  await checkBucket(request, context);
  const region = context.region === "us-east-1" ? "" : context.region;
  sendXml(request, xmlDocument("LocationConstraint", [region as Xml]));
};

/** GetBucketVersioning: there are no versions. */
export const getBucketVersioning: BucketOperation = async (request, context) => {
  await checkBucket(request, context);
  sendXml(request, xmlDocument("VersioningConfiguration", []));
};
