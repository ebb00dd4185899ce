import { fileURLToPath } from "node:url";

import { TrailsumError } from "@trailsum/shared";
import { isUrl, isWebWritable, isWritableLike } from "@trailsum/shared/streams";

import { type FileOptions, openFile } from "./file-destination.ts";
import type { OpenedDestination } from "./opened-destination.ts";
import { intoWebStream, intoWritable } from "./stream-destination.ts";

/**
 * Where a download goes: a path, a `file:` URL, a Node or web stream. A file appears only when its whole content has been
 * accepted. A stream gets the bytes as they come, is ended when they have been accepted and destroyed when they have not.
 */
export type DownloadDestination = string | URL | NodeJS.WritableStream | WritableStream<Uint8Array>;

/**
 * Opens a destination. Rejects with `FILE_UNWRITABLE` if a file cannot be written, `USAGE` for a value that is not a
 * destination, or for a stream to be continued.
 */
export async function openDestination(
  destination: DownloadDestination,
  options: FileOptions,
): Promise<OpenedDestination> {
  const { signal } = options;
  if (typeof destination === "string") return openFile(destination, options);
  if (isUrl(destination)) {
    if (destination.protocol === "file:") return openFile(fileURLToPath(destination), options);
    throw new TrailsumError("USAGE", `a download is written to a file: URL, not to ${destination.protocol}`);
  }
  if (options.continued) throw new TrailsumError("USAGE", "only a download to a file can be continued");
  if (isWritableLike(destination)) return intoWritable(destination, signal);
  if (isWebWritable(destination)) return intoWebStream(destination, signal);
  throw new TrailsumError("USAGE", "the destination is neither a path nor a stream that can be written to");
}
