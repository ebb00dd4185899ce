import { expect, test } from "vitest";

import * as server from "../src/index.ts";

test("the package exports these values and no others", () => {
  expect(Object.keys(server).toSorted()).toEqual([
    "anyAuthorization",
    "basicAuthorization",
    "bearerAuthorization",
    "createDirectoryStore",
    "createMemoryStore",
    "createS3Handler",
    "createUploadHandler",
    "createUploadServer",
    "hashPassword",
    "hashedPasswords",
    "parseCredentials",
    "plainPasswords",
    "sendVerified",
    "storedFiles",
    "verifyRequest",
  ]);
});
