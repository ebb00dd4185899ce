import { S3Error } from "@trailsum/s3";

import { commitCondition } from "../request/conditional-request.ts";
import type { RequestHead } from "../request/request-head.ts";
import type { CommitCondition } from "../stores/store.ts";
import { s3Validators } from "./stored-fields.ts";

/**
 * The preconditions of a write, as the store has to check them; undefined without preconditions. S3 answers 404 where
 * `If-Match` finds no object.
 */
export function writeCondition({ header }: Pick<RequestHead, "header">): CommitCondition | undefined {
  const condition = commitCondition({ header }, s3Validators);
  return (
    condition && {
      needsDigest: false,
      check(current) {
        if (current === undefined && header.has("If-Match")) throw new S3Error("NoSuchKey");
        condition.check(current);
      },
    }
  );
}
