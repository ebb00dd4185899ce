import { expect, test } from "vitest";

import * as transport from "../../src/transport/index.ts";

test("the entry for what owners of sockets share exports these values and no others", () => {
  expect(Object.keys(transport).toSorted()).toEqual([
    "DirectSocketReader",
    "batchWrites",
    "giveBack",
    "resetConnection",
  ]);
});
