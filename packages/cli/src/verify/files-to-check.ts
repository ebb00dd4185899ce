import { createReadStream, existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { TrailsumError } from "@trailsum/shared";

import { walkDirectory } from "../files/directory-walk.ts";
import { type FilePath, joinPath, pathText } from "../files/file-path.ts";
import { readSums, type Sums } from "../files/sums-file.ts";
import type { FileToCheck } from "./checked-file.ts";

/** The sums files that are looked for in a directory, the strongest first. */
const SUMS_FILES = ["SHA512SUMS", "SHA256SUMS", "SHA1SUMS", "MD5SUMS"];

/** The folder of a directory that was served. */
const STORE_FOLDER = ".trailsum";

/** What is to be checked, and by what. */
export interface Subject {
  /** What the digests come from, for messages. */
  readonly source: string;
  /** How many lines of a sums file are malformed. */
  readonly malformed: number;
  readonly files: () => AsyncIterable<FileToCheck>;
}

/**
 * What `trailsum verify PATH` checks: a served directory by the records of its server, or by a sums file if one is named;
 * a directory with a sums file in it by that; or, if the path is itself a sums file, what it names beside itself.
 */
export async function subjectAt(path: string, sumsFile: string | undefined): Promise<Subject> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw new TrailsumError("FILE_UNREADABLE", `cannot read ${path}: no such file or directory`, { cause });
  });
  if (!stats.isDirectory()) {
    if (sumsFile !== undefined) throw new TrailsumError("USAGE", "--sums is for a directory: name the sums file only");
    return subjectOfSums(await readSums(path), dirname(path), "listed files");
  }
  const isServed = existsSync(join(path, STORE_FOLDER, "digests"));
  const found = SUMS_FILES.map((name) => join(path, name)).find((file) => existsSync(file));
  const named = sumsFile ?? (isServed ? undefined : found);
  if (named !== undefined) return subjectOfSums(await readSums(named), path, "all files");
  if (isServed) return { source: join(path, STORE_FOLDER), malformed: 0, files: () => servedFiles(path) };
  const message = `${path} was never served, and has no ${SUMS_FILES.join(", ")}: name a sums file with --sums`;
  throw new TrailsumError("USAGE", message);
}

async function* servedFiles(directory: string): AsyncGenerator<FileToCheck> {
  const { storedFiles } = await import("@trailsum/server");
  for await (const file of storedFiles(directory)) {
    const { path, size, digests, state, verified } = file;
    const isMissing = state === "missing";
    yield {
      name: path,
      size,
      verified,
      // One that is not there is checked all the same, and found missing.
      expected: digests?.values ?? (state === "there" ? undefined : new Map()),
      read: isMissing ? () => missing(path) : () => file.read(),
    };
  }
}

function subjectOfSums(sums: Sums, directory: string, extent: "listed files" | "all files"): Subject {
  return { source: sums.path, malformed: sums.malformed, files: () => summedFiles(sums, directory, extent) };
}

/** The files that a sums file names, each once, and then those in the directory that it does not name. */
async function* summedFiles(
  sums: Sums,
  directory: string,
  extent: "listed files" | "all files",
): AsyncGenerator<FileToCheck> {
  const seen = new Set<ReturnType<Sums["of"]>>();
  for (const { name } of sums.sums) {
    const expected = sums.of(name);
    if (seen.has(expected)) continue;
    seen.add(expected);
    yield await fileToCheck(name, joinPath(directory, name), expected);
  }
  if (extent === "listed files") return;
  for await (const found of walkDirectory(directory, { links: "follow", sizes: false })) {
    if (found.kind !== "file" || pathText(found.path) === sums.path) continue;
    const name = belowOf(directory, found.path);
    if (sums.of(name) === undefined && !SUMS_FILES.includes(basename(pathText(found.path))))
      yield { name, size: 0, expected: undefined, read: () => missing(name) };
  }
}

async function fileToCheck(name: FilePath, path: FilePath, expected: FileToCheck["expected"]): Promise<FileToCheck> {
  const stats = await stat(path).catch(() => undefined);
  const read = (): AsyncIterable<Uint8Array> => createReadStream(path, { highWaterMark: 256 * 1024 });
  return { name, size: stats?.size ?? 0, expected, read: stats === undefined ? () => missing(name) : read };
}

/** The path of a file from a directory that it was found below. */
function belowOf(directory: string, path: FilePath): FilePath {
  const prefix = Buffer.byteLength(join(directory, "x")) - 1;
  return typeof path === "string" ? Buffer.from(path).subarray(prefix).toString() : path.subarray(prefix);
}

function missing(name: FilePath): never {
  throw new TrailsumError("NOT_FOUND", `${pathText(name)} is missing`);
}
