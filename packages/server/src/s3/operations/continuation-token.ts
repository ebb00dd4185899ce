import { S3Error } from "@trailsum/s3";

/** The token of the page after the one that ends with a key. */
export function formatToken(last: string): string {
  return Buffer.from(last).toString("base64url");
}

/** The key after which the page of a token begins; undefined without a token, or with an empty one. Throws `InvalidArgument`. */
export function parseToken(token: string | undefined): string | undefined {
  if (token === undefined || token === "") return undefined;
  if (/^[\w-]{1,8192}$/.test(token)) return Buffer.from(token, "base64url").toString();
  throw new S3Error("InvalidArgument", "The continuation token provided is incorrect");
}
