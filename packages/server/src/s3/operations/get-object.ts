import { createHash } from "node:crypto";

import { S3Error, element, xmlDocument } from "@trailsum/s3";
import { type FieldLine, TrailsumError } from "@trailsum/shared";

import { type ByteRange, contentRange, selectRanges } from "../../request/byte-ranges.ts";
import { describingFields, protectingFields } from "../../request/content-fields.ts";
import { evaluatePreconditions, ifRangeHolds, parsePreconditions } from "../../request/preconditions.ts";
import { sendVerifiedContent } from "../../response/send-verified.ts";
import type { StoredObject } from "../../stores/store.ts";
import { checkBucket, type ObjectOperation, openObject } from "../s3-context.ts";
import type { ObjectRequest } from "../s3-request.ts";
import { sendEmpty, sendXml } from "../s3-response.ts";
import { metadataFields, s3Validators, storedChecksums } from "../stored-fields.ts";

/** GetObject and HeadObject: the object or a range of it, with its checksums if the client asks for them. */
export const getObject: ObjectOperation = async (request, context) => {
  const { head, exchange, key } = request;
  if (key.endsWith("/")) return getDirectory(request, context);
  const object = await openObject(request, context);
  try {
    const validators = s3Validators(object);
    const recognised: FieldLine[] = [
      ["ETag", validators.entityTag!],
      ["Last-Modified", validators.lastModified.toUTCString()],
    ];
    const preconditions = parsePreconditions(head.header);
    const result = preconditions === undefined ? "perform" : evaluatePreconditions(preconditions, true, validators);
    if (result === "failed") throw new S3Error("PreconditionFailed");
    if (result === "not-modified") return sendEmpty(request, 304, recognised);
    const range = ifRangeHolds(head.header, validators) ? selectedRange(request, object.size) : undefined;
    const headers = [...objectFields(request, object), ["Accept-Ranges", "bytes"] as const, ...recognised];
    if (range !== undefined) headers.push(["Content-Range", contentRange(range, object.size)]);
    else if (head.header.get("x-amz-checksum-mode")?.toUpperCase() === "ENABLED") {
      headers.push(...storedChecksums(object.digests, object.fields));
    }
    const { digests } = object;
    await sendVerifiedContent(
      exchange,
      head.method === "HEAD" ? Buffer.alloc(0) : object.createReadStream({ ...range }),
      {
        status: range === undefined ? 200 : 206,
        headers,
        size: range === undefined ? object.size : range.end - range.start,
        digests: range === undefined ? digests : undefined,
        compared: digests?.values.has("sha-256") === true ? ["sha-256"] : undefined,
        algorithms: ["sha-256"],
      },
    );
  } catch (error) {
    if (error instanceof TrailsumError && error.code === "STORED_BYTES_DIFFER")
      context.corrupt.add(request.path, object);
    throw error;
  } finally {
    await object.close();
  }
};

/** GetObjectTagging: an empty set, because clients that copy objects ask for it. */
export const getObjectTagging: ObjectOperation = async (request, context) => {
  const object = await context.store.open(request.path);
  await object?.close();
  if (object === undefined) throw new S3Error("NoSuchKey");
  sendXml(request, xmlDocument("Tagging", [element("TagSet", [])]));
};

/** A directory is an object without content for clients that look for one under its name with a slash. */
const getDirectory: ObjectOperation = async (request, context) => {
  if ((await context.store.list(request.path)) === undefined) {
    await checkBucket(request, context);
    throw new S3Error("NoSuchKey");
  }
  const tag = createHash("md5").digest("hex");
  sendEmpty(request, 200, [
    ["Content-Type", "application/x-directory"],
    ["ETag", `"${tag}"`],
  ]);
};

/** The range that is asked for; undefined for the whole. S3 gives the whole for several. Throws `InvalidRange`. */
function selectedRange({ head }: ObjectRequest, size: number): ByteRange | undefined {
  const value = head.header.get("Range");
  const selection = value === undefined ? "whole" : selectRanges(value, size);
  if (selection === "unsatisfiable") throw new S3Error("InvalidRange");
  return selection === "whole" || selection.length > 1 ? undefined : selection[0];
}

/** Query parameters that replace fields of the response. */
const OVERRIDES: ReadonlyMap<string, string> = new Map([
  ["response-content-type", "Content-Type"],
  ["response-content-language", "Content-Language"],
  ["response-expires", "Expires"],
  ["response-cache-control", "Cache-Control"],
  ["response-content-disposition", "Content-Disposition"],
  ["response-content-encoding", "Content-Encoding"],
]);

function objectFields({ query, signature }: ObjectRequest, { fields }: StoredObject): FieldLine[] {
  let described = [...describingFields(fields), ...metadataFields(fields)];
  for (const [parameter, name] of OVERRIDES) {
    const value = query.get(parameter);
    if (value === undefined) continue;
    // Otherwise anyone could make a link that decides how a browser handles the content.
    if (signature === undefined) {
      throw new S3Error(
        "InvalidRequest",
        "Request specific response headers cannot be used for anonymous GET requests.",
      );
    }
    if (!/^[\x20-\x7e\x80-\xff]*$/.test(value))
      throw new S3Error("InvalidArgument", `${parameter} cannot be a header.`);
    described = [...described.filter(([other]) => other !== name), [name, value]];
  }
  return [...described, ...protectingFields(described)];
}
