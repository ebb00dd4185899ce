import { constants } from "node:fs";
import { open, rename, unlink } from "node:fs/promises";

import { type FieldLine, FieldLines, integrityFieldNames } from "@trailsum/shared";

import type { BegunResponse } from "./opened-destination.ts";

/** What is kept of an interrupted download, beside its content. */
export interface PartialState extends BegunResponse {
  /** How many bytes are complete; undefined if all that are there are. */
  readonly complete: number | undefined;
}

/** The fields that decide whether a download can continue, and what its content must be. */
const KEPT_FIELDS: readonly string[] = ["ETag", "Content-Length", "Trailer", ...integrityFieldNames];

const VERSION = 1;
/** No state is larger. Bytes. */
const MAX_STATE = 262_144;

/** Writes a state in one step. Only its owner can read it: a URL may be secret. */
export async function writeState(path: string, { target, url, header, complete }: PartialState): Promise<void> {
  const kept = KEPT_FIELDS.flatMap((name) => header.getAll(name).map((value): FieldLine => [name, value]));
  const text = JSON.stringify({ version: VERSION, target, url, fields: kept, complete });
  const fresh = `${path}~`;
  await unlink(fresh).catch(() => {});
  const file = await open(fresh, "wx", 0o600);
  try {
    await file.writeFile(`${text}\n`);
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

/** Reads a state; undefined if it is absent or unusable. */
export async function readState(path: string): Promise<PartialState | undefined> {
  try {
    // oxlint-disable-next-line no-bitwise -- flags are bits
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size > MAX_STATE) return undefined;
      return stateOf(JSON.parse(await file.readFile("utf8")));
    } finally {
      await file.close();
    }
  } catch {
    // Absent, damaged or of another download: the download starts again.
    return undefined;
  }
}

function stateOf(value: unknown): PartialState | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { version, target, url, fields, complete } = value as Record<string, unknown>;
  if (version !== VERSION || typeof target !== "string" || typeof url !== "string" || !Array.isArray(fields))
    return undefined;
  if (!fields.every(isFieldLine) || (complete !== undefined && !Number.isSafeInteger(complete))) return undefined;
  return { target, url, header: FieldLines.from(fields), complete: complete as number | undefined };
}

function isFieldLine(value: unknown): value is FieldLine {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string");
}
