import { TrailsumError } from "@trailsum/shared";

import type { CommitCondition, Store } from "../../stores/store.ts";
import { checkBucket, type ObjectOperation } from "../s3-context.ts";
import { sendEmpty } from "../s3-response.ts";
import { writeCondition } from "../write-condition.ts";

/** DeleteObject: a missing object is not an error. */
export const deleteObject: ObjectOperation = async (request, context) => {
  await checkBucket(request, context);
  const removed = await removeKey(context.store, request.path, request.key, writeCondition(request.head));
  if (removed) await context.reportRemoved(request, request.path);
  sendEmpty(request, 204);
};

/** Removes the object of a key, or the directory of one that ends in a slash, if it is empty. Returns whether it was there. */
export async function removeKey(
  store: Store,
  path: string,
  key: string,
  condition?: CommitCondition,
): Promise<boolean> {
  try {
    return await (key.endsWith("/") ? store.removeDirectory(path) : store.remove(path, condition));
  } catch (error) {
    // Something else is stored there, so the object does not exist.
    if (error instanceof TrailsumError && error.code === "CONFLICT") return false;
    throw error;
  }
}
