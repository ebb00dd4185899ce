import { fauxqs } from "@trailsum/testkit/s3";

import { storeContract } from "../../server/test/store-contract.ts";
import { uploadStoreContract } from "../../server/test/upload-store-contract.ts";
import { s3Fixture } from "./s3-fixture.ts";

const s3 = s3Fixture(fauxqs);
storeContract("the S3 store on fauxqs", () => s3.store());
uploadStoreContract("the S3 store on fauxqs", () => s3.store({ partSize: 128 * 1024 }));
