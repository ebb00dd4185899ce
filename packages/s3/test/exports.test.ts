import { expect, test } from "vitest";

import * as s3 from "../src/index.ts";

test("the package exports these values and no others", () => {
  expect(Object.keys(s3).toSorted()).toEqual(
    [
      ["S3Error", "S3Query", "authenticate", "checksumAlgorithms", "checksumElement", "checksumField"],
      ["checksumFields", "checksumName", "declaredChecksum", "decodeComponent", "decodedContent", "element"],
      [
        "encodePath",
        "errorDocument",
        "parseChecksumName",
        "parsePayload",
        "s3ErrorOf",
        "signRequest",
        "text",
        "verdictS3Error",
      ],
      ["withoutAwsChunked", "xmlDeclaration", "xmlDocument"],
    ].flat(),
  );
});
