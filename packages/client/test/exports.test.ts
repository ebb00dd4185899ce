import { expect, test } from "vitest";

import * as entry from "../src/index.ts";

test("@trailsum/client exports these values and no others", () => {
  expect(Object.keys(entry).toSorted()).toEqual([
    "TrailerAgent",
    "createRateLimit",
    "download",
    "isConnectFailure",
    "listObjects",
    "probe",
    "streamResetCode",
    "targetUrl",
    "transportError",
    "upload",
    "verifyResponse",
  ]);
});
