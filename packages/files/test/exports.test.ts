import { expect, test } from "vitest";

import * as files from "../src/index.ts";

test("the package exports these values and no others", () => {
  expect(Object.keys(files).toSorted()).toEqual([
    "BlockWriter",
    "createTemporaryFile",
    "fileErrorCode",
    "holdLockFile",
    "isUnchanged",
    "removeLeftovers",
    "syncDirectory",
    "takeLockFile",
    "unlessAbsent",
  ]);
});
