import { S3Error } from "../s3-errors.ts";

/** Percent-encodes as SigV4 does: everything but letters, digits and `-._~`. */
export function encodeStrictly(decoded: string): string {
  return encodeURIComponent(decoded).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Percent-encodes a path: the slashes stay. */
export function encodePath(decoded: string): string {
  return decoded.split("/").map(encodeStrictly).join("/");
}

/** Decodes what is percent-encoded as UTF-8. Throws `InvalidURI`. */
export function decodeComponent(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (cause) {
    throw new S3Error("InvalidURI", undefined, { cause });
  }
}
