import { type Algorithm, isFieldValue, isToken, parseAlgorithm, TrailsumError } from "@trailsum/shared";

import type { CredentialArguments } from "./credentials.ts";

/** The flags that `upload` and `download` share. */
export const transferFlags = {
  digest: {
    type: "string",
    describe: "algorithms besides md5, comma-separated: sha-256, sha-512, sha, crc32c, crc32, crc64nvme",
    requiresArg: true,
  },
  header: {
    alias: "H",
    type: "string",
    array: true,
    nargs: 1,
    describe: "add a request header, 'Name: value' (repeatable)",
  },
  retry: { type: "number", default: 0, describe: "retry transient failures up to this many times", requiresArg: true },
  json: { type: "boolean", default: false, describe: "print results as JSON, one object per line" },
  quiet: { type: "boolean", default: false, describe: "print only errors: no results, no progress" },
  progress: { type: "boolean", default: true, describe: "show progress on a terminal; --no-progress turns it off" },
} as const;

/** What those flags hold once they are parsed. */
export interface TransferArguments extends CredentialArguments {
  readonly digest?: string | undefined;
  readonly header?: readonly string[] | undefined;
  readonly retry: number;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly progress: boolean;
}

/** The client's options for these flags. Throws `UNKNOWN_ALGORITHM` or `USAGE` for invalid values. */
export function transferOptions({ digest, header, retry }: TransferArguments): {
  digests: Algorithm[];
  headers: [string, string][];
  retries: number;
} {
  if (!Number.isInteger(retry) || retry < 0) throw new TrailsumError("USAGE", "--retry takes a number, 0 or more");
  return {
    digests: listOf(digest ?? "").map(parseAlgorithm),
    headers: (header ?? []).map(headerField),
    retries: retry,
  };
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
