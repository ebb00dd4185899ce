import { randomUUID } from "node:crypto";

import { S3Client } from "@aws-sdk/client-s3";
import type { Store } from "@trailsum/server";
import type { S3Server } from "@trailsum/testkit/s3";
import { afterAll, beforeAll } from "vitest";

import { createS3Store, type S3StoreOptions } from "../src/index.ts";

/** An S3 server for the tests of a file, and stores in it. */
export interface S3Fixture {
  readonly server: S3Server;
  readonly client: S3Client;
  /** A store below a prefix of its own, unless it is given one. */
  store(options?: Partial<S3StoreOptions>): Promise<Store>;
}

/** Starts an S3 server before the tests, and stops it after them. */
export function s3Fixture(start: () => Promise<S3Server>): S3Fixture {
  let server: S3Server;
  let client: S3Client;
  beforeAll(async () => {
    server = await start();
    client = new S3Client({ ...server, forcePathStyle: true });
  });
  afterAll(async () => {
    client.destroy();
    await server.stop();
  });
  return {
    get server() {
      return server;
    },
    get client() {
      return client;
    },
    store: (options) => createS3Store({ client, bucket: server.bucket, prefix: randomUUID(), ...options }),
  };
}
