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

/** Opens a destination. `FILE_UNWRITABLE` where a file cannot be written, `USAGE` for what is no destination. */
export async function openDestination(
  destination: DownloadDestination,
  signal: AbortSignal | undefined,
): Promise<OpenedDestination> {
  if (typeof destination === "string") return openFile(destination, signal);
  if (isUrl(destination)) {
    if (destination.protocol === "file:") return openFile(fileURLToPath(destination), signal);
    throw new TrailsumError("USAGE", `a download goes into a file, and ${destination.protocol} is no file: URL`);
  }
  if (isWritableLike(destination)) return intoWritable(destination, signal);
  if (isWebWritable(destination)) return intoWebStream(destination, signal);
  throw new TrailsumError("USAGE", "the destination is neither a path nor a stream that can be written to");
}
