import { S3Error, type Xml, element, s3ErrorOf, text, xmlDocument } from "@trailsum/s3";
import { TrailsumError } from "@trailsum/shared";

import { isHidden } from "../../access/dotfiles.ts";
import { objectPathOf } from "../../stores/object-path.ts";
import { receiveDocument } from "../received-document.ts";
import { type BucketOperation, checkBucket, type S3Context } from "../s3-context.ts";
import type { BucketRequest } from "../s3-request.ts";
import { sendXml } from "../s3-response.ts";
import { checkVersion } from "../s3-versions.ts";
import { childrenOf, parseXmlBody, textOf } from "../xml/xml-body.ts";
import { removeKey } from "./delete-object.ts";

const MAX_KEYS = 1000;

/** DeleteObjects: each key has its own result. */
export const deleteObjects: BucketOperation = async (request, context) => {
  await checkBucket(request, context);
  const root = parseXmlBody(await receiveDocument(request, context.policy), "Delete");
  const objects = childrenOf(root, "Object");
  if (objects.length === 0 || objects.length > MAX_KEYS) throw new S3Error("MalformedXML");
  for (const object of objects) checkVersion(textOf(object, "VersionId"));
  const conditions = ["ETag", "LastModifiedTime", "Size"];
  if (objects.some((object) => conditions.some((name) => textOf(object, name) !== undefined))) {
    throw new S3Error("NotImplemented", "Objects can be deleted by their keys alone.");
  }
  const isQuiet = textOf(root, "Quiet") === "true";
  const results: Xml[] = [];
  for (const object of objects) {
    const key = textOf(object, "Key");
    if (key === undefined || key === "") throw new S3Error("MalformedXML");
    // oxlint-disable-next-line no-await-in-loop -- in their order, and a client has one request's worth of the store
    const error = await deleteKey(request, context, key);
    if (error !== undefined) {
      results.push(element("Error", [text("Key", key), text("Code", error.s3Code), text("Message", error.message)]));
    } else if (!isQuiet) results.push(element("Deleted", [text("Key", key)]));
  }
  sendXml(request, xmlDocument("DeleteResult", results));
};

/** Removes one object. Returns why it could not be. */
async function deleteKey(request: BucketRequest, context: S3Context, key: string): Promise<S3Error | undefined> {
  try {
    const { path } = objectPathOf([request.bucket, ...key.split("/")]);
    if (!context.dotfiles && isHidden(path)) throw new S3Error("AccessDenied");
    if (await removeKey(context.store, path, key)) await context.reportRemoved(request, path);
    return undefined;
  } catch (error) {
    return s3ErrorOf(TrailsumError.from(error)) ?? new S3Error("InternalError");
  }
}
