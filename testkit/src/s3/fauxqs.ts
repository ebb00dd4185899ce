import { startFauxqs } from "fauxqs";

import type { S3Server } from "./s3-server.ts";

/**
 * Starts fauxqs in this process: an S3 server in memory. It ignores the conditions of writes, lists in the order of a language
 * and not of bytes, and does not list multipart uploads.
 */
export async function fauxqs(): Promise<S3Server> {
  const server = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
  const bucket = "trailsum-test";
  server.createBucket(bucket);
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    region: "us-east-1",
    bucket,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    stop: () => server.stop(),
  };
}
