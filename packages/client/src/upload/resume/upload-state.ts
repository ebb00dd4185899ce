import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";

import { type FileVersion, unlessAbsent } from "@trailsum/files";

import type { UploadResource } from "../upload-resource-requests.ts";

/** A file that is uploaded, in one version. */
export interface UploadedFile {
  readonly path: string;
  readonly version: FileVersion;
}

/** The directory for what is kept between runs, as the XDG Base Directory Specification names it. */
export function defaultStateDirectory(): string {
  const base = process.env["XDG_STATE_HOME"] ?? "";
  return join(isAbsolute(base) ? base : join(homedir(), ".local", "state"), "trailsum", "uploads");
}

/** The file with the state of the upload of a file to a target. */
export function stateFile(directory: string, path: string, target: URL): string {
  const key = `${resolve(path)}\0${target.href}`;
  return join(directory, `${createHash("sha256").update(key).digest("hex").slice(0, 32)}.json`);
}

const VERSION = 1;

/** Keeps which upload resource has the content. Only its owner can read it: its URL is enough to append to it. */
export async function writeUploadState(
  file: string,
  { version }: UploadedFile,
  target: URL,
  { hop, target: becomes }: UploadResource,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const state = {
    version: VERSION,
    target: target.href,
    source: identityOf(version),
    resource: hop.url.href,
    trusted: hop.trusted,
    becomes: becomes.href,
  };
  const fresh = `${file}.${randomBytes(6).toString("hex")}`;
  const handle = await open(fresh, "wx", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(state)}\n`);
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
  await removeExpired(dirname(file));
}

/** No server keeps an unfinished upload for longer than this without more content. Milliseconds. */
const EXPIRY = 7 * 24 * 60 * 60 * 1_000;

/** Removes what is kept of uploads that were never continued. */
async function removeExpired(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const stats = await unlessAbsent(stat(path));
    if (stats?.isFile() === true && Date.now() - stats.mtimeMs > EXPIRY) await removeUploadState(path);
  }
}

/** The upload resource that has content of this version of the file; undefined if none is known. */
export async function readUploadState(
  file: string,
  { version }: UploadedFile,
  target: URL,
): Promise<UploadResource | undefined> {
  try {
    const state = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    const { resource, trusted, becomes } = state;
    if (state["version"] !== VERSION || state["target"] !== target.href) return undefined;
    if (state["source"] !== identityOf(version) || typeof resource !== "string") return undefined;
    return {
      hop: { url: new URL(resource), trusted: trusted === true },
      target: typeof becomes === "string" ? new URL(becomes) : target,
      offset: undefined,
    };
  } catch {
    // Absent or damaged: the upload starts again.
    return undefined;
  }
}

/** Removes what is kept of an upload. */
export async function removeUploadState(file: string): Promise<void> {
  await rm(file, { force: true });
}

function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: FileVersion): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join("-");
}
