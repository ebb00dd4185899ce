import { TrailsumError } from "@trailsum/shared";

import { commitCondition } from "./request/conditional-request.ts";
import { parseObjectPath } from "./stores/object-path.ts";
import type { RequestHead } from "./request/request-head.ts";
import type { CommitCondition, Store } from "./stores/store.ts";
import { refuseUnsupported } from "./request/unsupported-write.ts";
import type { UploadExchange } from "./upload-exchange.ts";

/** Removes the object that a DELETE names (RFC 9110 section 9.3.5), in one step with the preconditions of the request. Returns its path. */
export async function removeObject({ head }: UploadExchange, store: Store): Promise<string> {
  const { path, directory } = parseObjectPath(head.target);
  refuseUnsupported(head);
  if (directory) throw new TrailsumError("PATH_INVALID", "a directory cannot be removed: name an object");
  if (head.size !== 0) throw new TrailsumError("NOT_SUPPORTED", "DELETE with content is not supported: send none");
  if (!(await store.remove(path, removalCondition(head)))) throw nothingThere();
  return path;
}

/** A missing object is 404 under any condition: conditions count only where the removal would succeed (RFC 9110 section 13.2.1). */
function removalCondition(head: RequestHead): CommitCondition | undefined {
  const condition = commitCondition(head);
  return (
    condition && {
      ...condition,
      check(current) {
        if (current === undefined) throw nothingThere();
        condition.check(current);
      },
    }
  );
}

function nothingThere(): TrailsumError {
  return new TrailsumError("NOT_FOUND", "nothing is stored under this path");
}
