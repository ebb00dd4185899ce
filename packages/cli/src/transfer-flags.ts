import { type Algorithm, isFieldValue, isToken, parseAlgorithm, TrailsumError } from "@trailsum/shared";

/** The flags that `upload` and `download` share. */
export const transferFlags = {
  digest: {
    type: "string",
    describe: "algorithms besides md5, comma-separated: sha-256, sha-512, sha, crc32c, crc32, crc64nvme",
    requiresArg: true,
  },
  header: { alias: "H", type: "string", array: true, nargs: 1, describe: "a further header field, 'Name: value'" },
  retry: { type: "number", default: 0, describe: "how often to try again what may pass", requiresArg: true },
  json: { type: "boolean", default: false, describe: "results as JSON, one object a line" },
  quiet: { type: "boolean", default: false, describe: "no results, no progress, only errors" },
  progress: { type: "boolean", default: true, describe: "progress on a terminal; --no-progress for none" },
} as const;

/** What those flags hold once they are parsed. */
export interface TransferArguments {
  readonly digest?: string | undefined;
  readonly header?: readonly string[] | undefined;
  readonly retry: number;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly progress: boolean;
}

/** What they mean. `UNKNOWN_ALGORITHM` or `USAGE` for what makes no sense. */
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

function headerField(text: string): [string, string] {
  const colon = text.indexOf(":");
  const [name, value] = [text.slice(0, colon), text.slice(colon + 1).trim()];
  if (colon > 0 && isToken(name) && isFieldValue(value)) return [name, value];
  throw new TrailsumError("USAGE", `${JSON.stringify(text)} is no header field: write -H 'Name: value'`);
}
