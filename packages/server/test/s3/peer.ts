import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { onTestFinished } from "vitest";

import { s3Credentials as credentials } from "@trailsum/testkit/s3";
import { createMemoryStore, createUploadServer, type Store, type UploadServerOptions } from "../../src/index.ts";

/** A server that speaks S3, and its store. */
export async function s3Server(
  options: Partial<UploadServerOptions> & { readonly anonymousRead?: boolean } = {},
): Promise<{ store: Store; port: number; url: string; logged: string[] }> {
  const { anonymousRead, store = createMemoryStore(), ...others } = options;
  const logged: string[] = [];
  const log = (line: string): void => void logged.push(line);
  const logger = { info: log, warn: log, error: log };
  const server = createUploadServer({
    store,
    listen: { port: 0 },
    logger,
    s3: { credentials: [credentials], anonymousRead },
    ...others,
  });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const { url, port } = await server.listen();
  return { store, port, url, logged };
}

/** The SDK's client for such a server, without retries. */
export function s3Client(endpoint: string, options: S3ClientConfig = {}): S3Client {
  const client = new S3Client({
    endpoint,
    credentials,
    region: "us-east-1",
    forcePathStyle: true,
    maxAttempts: 1,
    ...options,
  });
  onTestFinished(() => client.destroy());
  return client;
}
