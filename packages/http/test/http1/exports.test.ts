import { expect, test } from "vitest";

import * as http1 from "../../src/http1/index.ts";

test("the entry for HTTP/1.1 exports these values and no others", () => {
  expect(Object.keys(http1).toSorted()).toEqual([
    "MessageWriter",
    "RequestFault",
    "RequestReader",
    "ResponseReader",
    "SyntaxFault",
    "fieldLinesText",
  ]);
});
