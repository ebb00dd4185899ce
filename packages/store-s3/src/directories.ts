import { TrailsumError } from "@trailsum/shared";

import type { S3Bucket } from "./bucket.ts";
import type { StoreKeys } from "./store-keys.ts";

/** Creates a directory as other software for S3 does: as an object without bytes whose key ends in "/". */
export async function makeDirectory(bucket: S3Bucket, keys: StoreKeys, path: string): Promise<boolean> {
  const way = path.split("/").map((_, at, names) => keys.object(names.slice(0, at + 1).join("/")));
  const there = await Promise.all(way.map((key) => bucket.head(key)));
  if (there.some((object) => object !== undefined))
    throw new TrailsumError("CONFLICT", "an object is stored where a directory is to be made");
  const isNew = !(await hasKeys(bucket, `${keys.object(path)}/`));
  for (const key of way) await bucket.put(`${key}/`, Buffer.alloc(0));
  return isNew;
}

/** Removes such objects. Throws `CONFLICT` if there are others below the directory. */
export async function removeDirectory(bucket: S3Bucket, keys: StoreKeys, path: string): Promise<boolean> {
  const marks: string[] = [];
  for await (const { key } of bucket.keys(`${keys.object(path)}/`)) {
    if (!key.endsWith("/"))
      throw new TrailsumError("CONFLICT", "there are objects in the directory: remove them first");
    marks.push(key);
  }
  for (const key of marks) await bucket.remove(key);
  return marks.length > 0;
}

/** Whether there are keys that begin with a prefix. */
export async function hasKeys(bucket: S3Bucket, prefix: string): Promise<boolean> {
  const { Contents = [] } = await bucket.list({ Prefix: prefix, MaxKeys: 1 });
  return Contents.length > 0;
}
