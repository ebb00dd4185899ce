import { type Algorithm, type Digests, TrailsumError } from "@trailsum/shared";

import { type FilePath, pathText } from "../files/file-path.ts";
import type { Run } from "../process/process-run.ts";
import { algorithmOfSums, readSums, writeSums } from "../files/sums-file.ts";

/** The flags about sums files. */
export const sumsFlags = {
  sums: {
    type: "string",
    describe: "accept only files with the digests that this file states, such as SHA256SUMS",
  },
  "write-sums": {
    type: "string",
    describe: "write the digests of all files to this file, which sha256sum -c can check (MD5SUMS, SHA512SUMS, ...)",
  },
} as const;

/** What those flags hold once they are parsed. */
export interface SumsArguments {
  readonly sums?: string | undefined;
  readonly "write-sums"?: string | undefined;
}

/** The sums files of a run. */
export interface RunSums {
  /** The algorithms needed for the sums file that is written. */
  readonly algorithms: readonly Algorithm[];
  /** The digests that a file must have. Throws `DIGEST_MISSING` for one that the sums file does not name. */
  checksumOf(name: FilePath): Partial<Record<Algorithm, Uint8Array>>;
  /** Adds a file to the sums file that is written. */
  add(name: FilePath, digests: Digests): void;
  /** Writes it. */
  write(): Promise<void>;
}

/** Reads the sums file that is named, and prepares the one that is to be written. */
export async function sumsOf(given: SumsArguments, run: Run): Promise<RunSums> {
  const { sums: read, "write-sums": written } = given;
  const sums = read === undefined ? undefined : await readSums(read);
  if (sums !== undefined && sums.malformed > 0) run.warn(`warning: ${sums.path}: malformed lines: ${sums.malformed}`);
  const algorithm = written === undefined ? undefined : algorithmOfSums(written);
  const added: [FilePath, Buffer][] = [];
  return {
    algorithms: algorithm === undefined ? [] : [algorithm],
    checksumOf(name) {
      const digests = sums?.of(name);
      if (sums !== undefined && digests === undefined)
        throw new TrailsumError("DIGEST_MISSING", `${sums.path} has no digest of ${pathText(name)}`);
      return Object.fromEntries(digests ?? []);
    },
    add(name, digests) {
      const digest = algorithm && digests.values.get(algorithm);
      if (digest !== undefined) added.push([name, digest]);
    },
    async write() {
      if (written !== undefined) await writeSums(written, added);
    },
  };
}
