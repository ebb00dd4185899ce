import { TrailsumError } from "@trailsum/shared";

import { commitCondition } from "./conditional-request.ts";
import { parseObjectPath } from "./object-path.ts";
import type { Store } from "./stores/store.ts";
import { refuseUnsupported } from "./unsupported-write.ts";
import type { UploadExchange } from "./upload-exchange.ts";

/** Removes the object that a DELETE names (RFC 9110 section 9.3.5), in one step with the preconditions of the request. Returns its path. */
export async function removeObject({ head }: UploadExchange, store: Store): Promise<string> {
  const { path, directory } = parseObjectPath(head.target);
  refuseUnsupported(head);
  if (directory) throw new TrailsumError("PATH_INVALID", "a directory cannot be removed: name an object");
  if (head.size !== 0) throw new TrailsumError("NOT_SUPPORTED", "DELETE with content is not supported: send none");
  const removed = await store.remove(path, commitCondition(head));
  if (!removed) throw new TrailsumError("NOT_FOUND", "nothing is stored under this path");
  return path;
}
