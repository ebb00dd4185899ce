import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { FieldLines, TrailsumError } from "@trailsum/shared";
import { isUrl } from "@trailsum/shared/streams";

import type { Expectations } from "./arrived-content.ts";
import type { DownloadOptions, DownloadResult } from "./download.ts";
import type { DownloadDestination } from "./download-destination.ts";
import { rawFields } from "../dispatcher/request-fields.ts";
import { defaultDispatcher } from "../transfer/default-dispatcher.ts";
import type { ProgressReport } from "../transfer/progress.ts";
import { headObject, verdictIfSame } from "../transfer/unchanged.ts";

/** The result if the local file is up to date; undefined if it is not, or if that cannot be determined. */
export async function unchangedFile(
  destination: DownloadDestination,
  { target, wanted, checksum, require, supported }: Expectations,
  { dispatcher = defaultDispatcher(), headers, signal }: DownloadOptions,
  progress: ProgressReport,
): Promise<DownloadResult | undefined> {
  const path = isUrl(destination) && destination.protocol === "file:" ? fileURLToPath(destination) : destination;
  const given = FieldLines.fromRaw(rawFields(headers));
  if (typeof path !== "string" || given.has("Range")) return undefined;
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isFile() !== true) return undefined;
  try {
    const remote = await headObject(target, { dispatcher, headers: given, signal });
    if (remote === undefined) return undefined;
    const { size } = stats;
    const local = {
      size,
      read: () => createReadStream(path, { highWaterMark: 256 * 1024 }),
      onHashed: (hashed: number) => progress.moved("hashing", hashed, size),
    };
    const verdict = await verdictIfSame(remote, local, { compute: wanted, expected: checksum, require, supported });
    const { url, status, headers: said } = remote;
    return verdict && { url: url.href, status, verdict, headers: said, trailers: FieldLines.empty, unchanged: true };
  } catch (error) {
    if (signal?.aborted === true) throw new TrailsumError("ABORTED", "the download was cancelled", { cause: error });
    // The download will meet the same error, and say what it is.
    return undefined;
  }
}
