import type { Store } from "@trailsum/server";
import { TrailsumError } from "@trailsum/shared";

/** The flags of a store in a bucket. */
export interface S3StorageArguments {
  readonly s3Endpoint?: string | undefined;
  readonly s3Region?: string | undefined;
}

export const s3StorageFlags = {
  "s3-endpoint": {
    type: "string",
    describe: "URL of the object storage for s3://bucket/prefix, where it is not Amazon S3",
  },
  "s3-region": {
    type: "string",
    describe: "region of the bucket (default: $AWS_REGION, or us-east-1)",
  },
} as const;

/** A bucket, and what its keys begin with. */
interface BucketLocation {
  readonly bucket: string;
  readonly prefix: string;
}

/** The bucket that `s3://bucket/prefix` names; undefined for what is not an S3 URL. */
export function parseBucketLocation(text: string): BucketLocation | undefined {
  if (!/^s3:/i.test(text)) return undefined;
  const [, bucket, prefix = ""] = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:\/(.*))?$/is.exec(text) ?? [];
  if (bucket !== undefined) return { bucket, prefix };
  throw new TrailsumError("USAGE", `"${text}" does not name a bucket: write s3://bucket or s3://bucket/prefix`);
}

/** How often the SDK tries a request that fails for a moment. */
const MAX_ATTEMPTS = 4;

/** Opens the store in a bucket. The AWS SDK is loaded here: most users do not need it, and need not have it. */
export async function openBucketStore(
  { bucket, prefix }: BucketLocation,
  { s3Endpoint, s3Region }: S3StorageArguments,
): Promise<Store> {
  if (s3Endpoint !== undefined && !/^https?:\/\/[^/]/i.test(s3Endpoint))
    throw new TrailsumError("USAGE", `"${s3Endpoint}" is not a valid URL for --s3-endpoint: write http:// or https://`);
  const [{ createS3Store }, { S3Client }] = await Promise.all([
    import("@trailsum/store-s3"),
    import("@aws-sdk/client-s3"),
  ]).catch((cause: unknown) => {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    throw new TrailsumError(
      "USAGE",
      "s3:// needs one more package: run npm install @aws-sdk/client-s3 where trailsum is installed",
      { cause },
    );
  });
  // A download that a client reads slowly keeps its connection: it must not keep others from having one.
  const agent = { keepAlive: true, maxSockets: 10_000 };
  const client = new S3Client({
    region: s3Region ?? process.env["AWS_REGION"] ?? "us-east-1",
    ...(s3Endpoint !== undefined && { endpoint: s3Endpoint, forcePathStyle: true }),
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: { httpAgent: agent, httpsAgent: agent, connectionTimeout: 10_000 },
  });
  return createS3Store({ client, bucket, prefix });
}
