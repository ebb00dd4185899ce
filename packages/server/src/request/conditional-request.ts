import { TrailsumError } from "@trailsum/shared";

import {
  entityTag,
  evaluatePreconditions,
  lastModified,
  needsEntityTag,
  parsePreconditions,
  type Validators,
} from "./preconditions.ts";
import type { RequestHead } from "./request-head.ts";
import type { CommitCondition, ObjectVersion, Store } from "../stores/store.ts";

/** The validators of what is stored (RFC 9110 section 8.8). */
export function validatorsOf({ digests, modified }: ObjectVersion): Validators {
  return { entityTag: entityTag(digests), lastModified: lastModified(modified) };
}

/**
 * The preconditions of a write, as the store has to check them; undefined without preconditions. `validators` gives what they
 * are compared with.
 */
export function commitCondition(
  { header }: Pick<RequestHead, "header">,
  validators: (version: ObjectVersion) => Validators = validatorsOf,
): CommitCondition | undefined {
  const preconditions = parsePreconditions(header);
  if (preconditions === undefined) return undefined;
  return {
    needsDigest: needsEntityTag(preconditions),
    check(current) {
      const known = current && validators(current);
      if (evaluatePreconditions(preconditions, false, known) !== "perform") throw preconditionFailed();
    },
  };
}

/** Checks the condition of a commit before the content is read; the commit checks it again. */
export async function checkBeforeContent(
  store: Store,
  path: string,
  { needsDigest, check }: CommitCondition,
): Promise<void> {
  const current = await store.open(path, { digest: needsDigest });
  await current?.close();
  check(current);
}

/** The error of a request whose preconditions do not hold (RFC 9110 section 15.5.13). */
export function preconditionFailed(): TrailsumError {
  return new TrailsumError(
    "PRECONDITION_FAILED",
    "what is stored under this path is not what the request expects: look at it again before you change it",
  );
}
