/** A part of an XML document, written. */
export type Xml = string & { readonly brand: unique symbol };

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

/** An element with text in it. */
export function text(name: string, content: string | number | undefined): Xml | undefined {
  return content === undefined ? undefined : (`<${name}>${escape(String(content))}</${name}>` as Xml);
}

/** An element with elements in it. */
export function element(name: string, children: readonly (Xml | undefined)[]): Xml {
  return `<${name}>${children.join("")}</${name}>` as Xml;
}

/** A document of S3's namespace. */
export function xmlDocument(root: string, children: readonly (Xml | undefined)[]): Buffer {
  return Buffer.from(`${xmlDeclaration}<${root} xmlns="${NAMESPACE}">${children.join("")}</${root}>`);
}

/** An error document, which has no namespace. */
export function xmlError(children: readonly (Xml | undefined)[]): Buffer {
  return Buffer.from(`${xmlDeclaration}${element("Error", children)}`);
}

/** What a document begins with: its declaration. */
export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#13;",
};

/** XML 1.0 has no other control characters, escaped or not: names cannot contain them either. */
function escape(content: string): string {
  return content
    .replaceAll(/[&<>"\r]/g, (character) => ESCAPES[character]!)
    .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "\u{fffd}");
}
