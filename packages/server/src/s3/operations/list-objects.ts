import { element, text, xmlDocument } from "@trailsum/s3";

import { type BucketOperation, checkBucket } from "../s3-context.ts";
import { sendXml } from "../s3-response.ts";
import { formatToken, parseToken } from "./continuation-token.ts";
import { objectFacts, keyEncoding, keySelection, readKeyPage } from "./key-page.ts";

/** ListObjects, both versions. */
export const listObjects: BucketOperation = async (request, context) => {
  const { query, bucket } = request;
  await checkBucket(request, context);
  const version2 = query.get("list-type") === "2";
  const { encoding, encode } = keyEncoding(query);
  const token = query.get("continuation-token");
  const startAfter = query.get(version2 ? "start-after" : "marker") ?? "";
  const after = (version2 ? parseToken(token) : undefined) ?? startAfter;
  const { prefix, delimiter, max, ...selection } = keySelection(request, context, after);
  const { objects, prefixes, next } = await readKeyPage(context.store, { ...selection, prefix, delimiter, max });
  const withOwner = !version2 || query.get("fetch-owner") === "true";
  const paging = version2
    ? [
        text("KeyCount", objects.length + prefixes.length),
        text("ContinuationToken", token),
        text("NextContinuationToken", next && formatToken(next)),
        text("StartAfter", startAfter === "" ? undefined : encode(startAfter)),
      ]
    : [text("Marker", encode(startAfter)), text("NextMarker", next && encode(next))];
  const document = xmlDocument("ListBucketResult", [
    text("Name", bucket),
    text("Prefix", encode(prefix)),
    text("Delimiter", delimiter === "" ? undefined : encode(delimiter)),
    text("MaxKeys", max),
    text("EncodingType", encoding),
    text("IsTruncated", String(next !== undefined)),
    ...paging,
    ...objects.map((object) =>
      element("Contents", [text("Key", encode(object.key)), ...objectFacts(object, withOwner)]),
    ),
    ...prefixes.map((each) => element("CommonPrefixes", [text("Prefix", encode(each))])),
  ]);
  sendXml(request, document);
};
