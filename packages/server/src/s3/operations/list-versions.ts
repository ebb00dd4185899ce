import { element, S3Error, text, xmlDocument } from "@trailsum/s3";

import { type BucketOperation, checkBucket } from "../s3-context.ts";
import { sendXml } from "../s3-response.ts";
import { checkVersion, ONLY_VERSION } from "../s3-versions.ts";
import { keyEncoding, keySelection, objectFacts, readKeyPage } from "./key-page.ts";

/** ListObjectVersions, for clients that empty a bucket with it: each object has one version. */
export const listVersions: BucketOperation = async (request, context) => {
  const { query, bucket } = request;
  await checkBucket(request, context);
  const { encoding, encode } = keyEncoding(query);
  const marker = query.get("key-marker") ?? "";
  const version = query.get("version-id-marker");
  if (version !== undefined && marker === "")
    throw new S3Error("InvalidArgument", "A version-id marker cannot be specified without a key marker.");
  checkVersion(version === "" ? undefined : version);
  const selection = keySelection(request, context, marker);
  const { prefix, delimiter, max } = selection;
  const { objects, prefixes, next } = await readKeyPage(context.store, selection);
  const document = xmlDocument("ListVersionsResult", [
    text("Name", bucket),
    text("Prefix", encode(prefix)),
    text("KeyMarker", encode(marker)),
    text("VersionIdMarker", version ?? ""),
    text("NextKeyMarker", next && encode(next)),
    text("NextVersionIdMarker", next && ONLY_VERSION),
    text("Delimiter", delimiter === "" ? undefined : encode(delimiter)),
    text("MaxKeys", max),
    text("EncodingType", encoding),
    text("IsTruncated", String(next !== undefined)),
    ...objects.map((object) =>
      element("Version", [
        text("Key", encode(object.key)),
        text("VersionId", ONLY_VERSION),
        text("IsLatest", "true"),
        ...objectFacts(object, true),
      ]),
    ),
    ...prefixes.map((each) => element("CommonPrefixes", [text("Prefix", encode(each))])),
  ]);
  sendXml(request, document);
};
