import { expect, test } from "vitest";

import * as entry from "../src/index.ts";

test("@trailsum/store-s3 exports these values and no others", () => {
  expect(Object.keys(entry).toSorted()).toEqual(["createS3Store"]);
});
