import { type Algorithm, isFieldValue, isToken, TrailsumError } from "@trailsum/shared";

import { algorithmNamed } from "./algorithm-names.ts";
import type { ConnectionArguments } from "./connection-flags.ts";
import type { CredentialArguments } from "./credentials.ts";

const ALGORITHMS = "comma-separated: sha-256, sha-512, sha, crc32c, crc32, crc64nvme, md5";

/** `--digest` of a command: what it does, and the names that it takes. */
export function digestFlag(does: string): { type: "string"; describe: string } {
  return { type: "string", describe: `${does}, ${ALGORITHMS}` };
}

/** The flags that `upload` and `download` share. */
export const transferFlags = {
  md5: { type: "boolean", default: true, describe: "also compute md5; --no-md5 turns it off" },
  header: {
    alias: "H",
    type: "string",
    array: true,
    describe: "add a request header, 'Name: value' (repeatable)",
  },
  retry: { type: "number", default: 0, describe: "retry transient failures up to this many times" },
  verbose: {
    alias: "v",
    type: "count",
    describe:
      "show heads and trailers of requests and responses, without credentials; -vv pieces of content and HTTP/2 frames too",
  },
  json: { type: "boolean", default: false, describe: "print results as JSON, one object per line" },
  quiet: { alias: "q", type: "boolean", default: false, describe: "print only errors: no results, no progress" },
  progress: { type: "boolean", default: true, describe: "show progress on a terminal; --no-progress turns it off" },
} as const;

/** What those flags hold once they are parsed. */
export interface TransferArguments extends CredentialArguments, ConnectionArguments {
  readonly digest?: string | undefined;
  readonly md5: boolean;
  readonly header?: readonly string[] | undefined;
  readonly retry: number;
  readonly verbose: number;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly progress: boolean;
}

/** The client's options for these flags. Throws `UNKNOWN_ALGORITHM` or `USAGE` for invalid values. */
export function transferOptions({ digest, md5, header, retry }: TransferArguments): {
  algorithms: Algorithm[] | undefined;
  md5: boolean;
  headers: [string, string][];
  retries: number;
} {
  if (!Number.isInteger(retry) || retry < 0) throw new TrailsumError("USAGE", "--retry takes a number, 0 or more");
  return {
    algorithms: digest === undefined ? undefined : listOf(digest).map(algorithmNamed),
    md5,
    headers: headerFields(header),
    retries: retry,
  };
}

/** More jobs would only wait for descriptors. */
const MAX_JOBS = 1_000;

/** The value of `--jobs`. Throws `USAGE` for an invalid one. */
export function checkedJobs(jobs: number): number {
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= MAX_JOBS) return jobs;
  throw new TrailsumError("USAGE", `--jobs takes a number from 1 to ${MAX_JOBS}`);
}

/** The entries of a comma-separated list. */
export function listOf(text: string): string[] {
  return text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

/** Fields that frame the message or control the connection: a value from the caller would contradict what is sent. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The fields of `-H`. Throws `USAGE` for one that cannot be sent. */
export function headerFields(given: readonly string[] = []): [string, string][] {
  return given.map(headerField);
}

function headerField(text: string): [string, string] {
  const colon = text.indexOf(":");
  const [name, value] = [text.slice(0, colon), text.slice(colon + 1).trim()];
  if (colon <= 0 || !isToken(name) || !isFieldValue(value)) {
    throw new TrailsumError("USAGE", `${JSON.stringify(text)} is not a valid header field: write -H 'Name: value'`);
  }
  if (OWN_FIELDS.has(name.toLowerCase())) {
    throw new TrailsumError("USAGE", `${name} cannot be set with -H: it is part of how the request is sent`);
  }
  // The only other value that is looked at before it is sent (RFC 9110 section 10.1.1).
  if (name.toLowerCase() === "expect" && value.toLowerCase() !== "100-continue") {
    throw new TrailsumError("USAGE", `${JSON.stringify(text)} cannot be sent: the only expectation is 100-continue`);
  }
  return [name, value];
}
