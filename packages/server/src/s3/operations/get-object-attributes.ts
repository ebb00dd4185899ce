import { element, S3Error, text, type Xml, xmlDocument } from "@trailsum/s3";

import type { StoredObject } from "../../stores/store.ts";
import { type ObjectOperation, openObject } from "../s3-context.ts";
import { sendXml } from "../s3-response.ts";
import { s3EntityTag, storedChecksums } from "../stored-fields.ts";

/** What can be asked for, and how it is answered. */
const ATTRIBUTES: Readonly<Record<string, (object: StoredObject) => Xml | undefined>> = {
  ETag: (object) => text("ETag", s3EntityTag(object).slice(1, -1)),
  Checksum: ({ digests, fields }) => {
    const checksums = storedChecksums(digests, fields);
    if (checksums.length === 0) return undefined;
    return element(
      "Checksum",
      checksums.map(([name, value]) => text(elementName(name), value)),
    );
  },
  // The entity tag has the number of parts; the parts themselves are not stored separately.
  ObjectParts: (object) => {
    const [, count] = /-([1-9]\d*)"$/.exec(s3EntityTag(object)) ?? [];
    return count === undefined ? undefined : element("ObjectParts", [text("PartsCount", count)]);
  },
  StorageClass: () => text("StorageClass", "STANDARD"),
  ObjectSize: ({ size }) => text("ObjectSize", size),
};

/** `ChecksumCRC32` for `x-amz-checksum-crc32`, and `ChecksumType`. */
function elementName(field: string): string {
  const name = field.slice("x-amz-checksum-".length);
  return `Checksum${name === "type" ? "Type" : name.toUpperCase()}`;
}

/** GetObjectAttributes: what is known of an object, without its content. */
export const getObjectAttributes: ObjectOperation = async (request, context) => {
  const { head } = request;
  const asked = head.header.list("x-amz-object-attributes");
  if (asked.length === 0 || !asked.every((name) => Object.hasOwn(ATTRIBUTES, name)))
    throw new S3Error("InvalidArgument", "Invalid attribute name specified.");
  const object = await openObject(request, context);
  try {
    const found = Object.keys(ATTRIBUTES).filter((name) => asked.includes(name));
    const document = xmlDocument(
      "GetObjectAttributesResponse",
      found.map((name) => ATTRIBUTES[name]!(object)),
    );
    sendXml(request, document, [["Last-Modified", object.modified.toUTCString()]]);
  } finally {
    await object.close();
  }
};
