import type { UploadServerOptions } from "@trailsum/server";
import { TrailsumError } from "@trailsum/shared";

/** The flags for the key that S3 clients sign with. */
export const s3CredentialFlags = {
  "s3-access-key-id": {
    type: "string",
    describe: "name of the key that S3 requests are signed with",
  },
  "s3-secret-access-key": {
    type: "string",
    describe: "secret of that key; set TRAILSUM_S3_SECRET_ACCESS_KEY instead: other users of this machine see flags",
  },
} as const;

/** The flags of `serve` for S3 clients, beside those for the key. */
export const s3Flags = {
  s3: {
    type: "boolean",
    default: false,
    describe: "speak S3 in place of plain uploads and downloads; buckets are the directories at the top",
  },
  "s3-anonymous-read": {
    type: "boolean",
    default: false,
    describe: "let S3 requests without a signature read and list",
  },
} as const;

/** What the flags for the key hold once they are parsed. */
export interface S3CredentialArguments {
  readonly s3AccessKeyId?: string | undefined;
  readonly s3SecretAccessKey?: string | undefined;
}

/** What those of `serve` hold. */
export interface S3Arguments extends S3CredentialArguments {
  readonly s3: boolean;
  readonly s3AnonymousRead: boolean;
}

/** The flags that mean nothing to S3, which has its own signatures and listings. */
const PLAIN_ONLY = ["auth", "authFile", "token", "cors", "trustForwarded"] as const;

/** The server's options for these flags; undefined without `--s3`. Throws `USAGE` for flags that contradict each other. */
export function s3Options(
  given: S3Arguments & Readonly<Partial<Record<(typeof PLAIN_ONLY)[number], unknown>>>,
): UploadServerOptions["s3"] {
  const { s3, s3AccessKeyId, s3SecretAccessKey, s3AnonymousRead } = given;
  if (!s3) {
    if (s3AccessKeyId === undefined && s3SecretAccessKey === undefined && !s3AnonymousRead) return undefined;
    throw new TrailsumError("USAGE", "settings for S3 have no effect without --s3: give it, too");
  }
  const plain = PLAIN_ONLY.find((name) => given[name] !== undefined && given[name] !== false);
  if (plain !== undefined) {
    throw new TrailsumError(
      "USAGE",
      "--auth, --auth-file, --token, --cors and --trust-forwarded have no effect with --s3: its requests are signed",
    );
  }
  if (s3AccessKeyId === undefined && s3SecretAccessKey === undefined && s3AnonymousRead) {
    return { credentials: [], anonymousRead: true };
  }
  return { credentials: [s3Credentials("--s3", given)], anonymousRead: s3AnonymousRead };
}

/** The key that a flag needs. Throws `USAGE` if it is not there. */
export function s3Credentials(
  flag: string,
  { s3AccessKeyId, s3SecretAccessKey }: S3CredentialArguments,
): { accessKeyId: string; secretAccessKey: string } {
  if (s3AccessKeyId && s3SecretAccessKey) return { accessKeyId: s3AccessKeyId, secretAccessKey: s3SecretAccessKey };
  throw new TrailsumError(
    "USAGE",
    `${flag} needs TRAILSUM_S3_ACCESS_KEY_ID and TRAILSUM_S3_SECRET_ACCESS_KEY in the environment: set both`,
  );
}
