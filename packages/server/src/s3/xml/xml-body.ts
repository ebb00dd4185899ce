import { S3Error } from "@trailsum/s3";

import { parseXml, XmlElement } from "@rgrove/parse-xml";

/** Reads a document whose root element has this name. Throws `MalformedXML`. */
export function parseXmlBody(bytes: Buffer, root: string): XmlElement {
  const source = bytes.toString("utf8");
  // Declared entities could be many times as long as the document.
  if (/<!DOCTYPE/i.test(source)) throw new S3Error("MalformedXML");
  try {
    const found = parseXml(source).root;
    if (found?.name === root) return found;
  } catch (cause) {
    throw new S3Error("MalformedXML", undefined, { cause });
  }
  throw new S3Error("MalformedXML");
}

/** The elements of this name in an element. */
export function childrenOf(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter((child): child is XmlElement => child instanceof XmlElement && child.name === name);
}

/** The text of the only element of this name; undefined without one. Throws `MalformedXML` for several. */
export function textOf(parent: XmlElement, name: string): string | undefined {
  const [only, ...others] = childrenOf(parent, name);
  if (others.length > 0) throw new S3Error("MalformedXML");
  return only?.text;
}
