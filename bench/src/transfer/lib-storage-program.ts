import { createReadStream } from "node:fs";

import { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

// Uploads a file the way that the AWS SDK recommends, with its defaults: a multipart upload of four parts at a time.
const [, , file = "", endpoint = "", Bucket = ""] = process.argv;
const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true });
await new Upload({ client, params: { Bucket, Key: "content", Body: createReadStream(file) } }).done();
client.destroy();
