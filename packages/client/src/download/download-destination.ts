import { fileURLToPath } from "node:url";

import { TrailsumError } from "@trailsum/shared";
import { isUrl, isWebWritable, isWritableLike } from "@trailsum/shared/streams";

import { openFile } from "./file-destination.ts";
import type { OpenedDestination } from "./opened-destination.ts";
import { intoWebStream, intoWritable } from "./stream-destination.ts";

/**
 * Where a download goes: a path, a `file:` URL, a Node or web stream. A file appears only when all of it has been
 * accepted. A stream gets the bytes as they come, is ended when they have been accepted and destroyed when they have not.
 */
export type DownloadDestination = string | URL | NodeJS.WritableStream | WritableStream<Uint8Array>;

/** Opens a destination. Rejects with `FILE_UNWRITABLE` if a file cannot be written, `USAGE` for a value that is not a destination. */
export async function openDestination(
  destination: DownloadDestination,
  signal: AbortSignal | undefined,
): Promise<OpenedDestination> {
  if (typeof destination === "string") return openFile(destination, signal);
  if (isUrl(destination)) {
    if (destination.protocol === "file:") return openFile(fileURLToPath(destination), signal);
    throw new TrailsumError("USAGE", `a download is written to a file: URL, not to ${destination.protocol}`);
  }
  if (isWritableLike(destination)) return intoWritable(destination, signal);
  if (isWebWritable(destination)) return intoWebStream(destination, signal);
  throw new TrailsumError("USAGE", "the destination is neither a path nor a stream that can be written to");
}
