import { hasSwift, swift } from "@trailsum/testkit/s3";
import { describe } from "vitest";

import { storeContract } from "../../server/test/store-contract.ts";
import { uploadStoreContract } from "../../server/test/upload-store-contract.ts";
import { s3Fixture } from "./s3-fixture.ts";

describe.skipIf(!(await hasSwift()))("with the programs of OpenStack Swift", () => {
  const s3 = s3Fixture(swift);
  storeContract("the S3 store on Swift", () => s3.store());
  uploadStoreContract("the S3 store on Swift", () => s3.store({ partSize: 128 * 1024 }));
});
