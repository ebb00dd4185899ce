import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";

/** What is sent, unless a test says otherwise. */
export const content: Buffer = Buffer.from("checksums travel at the end of the stream\n");

/** Lower-case hex, as in `Md5`. */
export function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

/** Lower-case hex, as sha256sum prints it. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** As in `Content-Digest`, without the colons. */
export function base64Of(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest("base64");
}

/** Bytes that do not repeat soon, the same ones every time. */
export function patterned(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0, state = 1; at < size; at += 1) {
    state = (state * 48_271) % 2_147_483_647;
    bytes[at] = state % 256;
  }
  return bytes;
}

/** Writes a file into a new directory, and gives its path. */
export async function fileOf(bytes: Uint8Array | string = content, name = "file.bin"): Promise<string> {
  const path = join(await tempDir(), name);
  await writeFile(path, bytes);
  return path;
}
