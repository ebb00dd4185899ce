import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { FieldLine } from "@trailsum/shared";
import { fieldValues, type ParsedMessage, parseMessage, rawServer, tempDir } from "@trailsum/testkit";

import { download, type DownloadOptions, type DownloadResult } from "../../src/index.ts";
import { rejection, wireResponse } from "./peers.ts";

export const content = "0123456789";
export const other = "ABCDEFGHIJ";
export const md5 = (of: string): string => `md5=:${createHash("md5").update(of).digest("base64")}:`;
export const tag: FieldLine = ["ETag", '"one"'];
export const digest: FieldLine = ["Repr-Digest", md5(content)];
const length: FieldLine = ["Content-Length", "10"];

/** The whole, cut off after `arrived` bytes. */
export function cut(fields: readonly FieldLine[], arrived = 4, of = content): string {
  return wireResponse("200 OK", [length, ...fields], of.slice(0, arrived));
}

export function whole(fields: readonly FieldLine[] = [], of = content): string {
  return wireResponse("200 OK", [["Content-Length", String(of.length)], ...fields], of);
}

/** The part from `start` to before `end`. */
export function part(start: number, end: number, fields: readonly FieldLine[] = [], total = "10"): string {
  const range: FieldLine = ["Content-Range", `bytes ${start}-${end - 1}/${total}`];
  return wireResponse(
    "206 Partial Content",
    [range, ["Content-Length", String(end - start)], ...fields],
    content.slice(start, end),
  );
}

export interface Outcome {
  readonly result: DownloadResult | Awaited<ReturnType<typeof rejection>>;
  /** What was asked for, one after the other. */
  readonly asked: readonly ParsedMessage[];
  readonly names: readonly string[];
  readonly file: string | undefined;
}

/** Downloads from a server that answers each connection with the next of `answers`, and closes it. */
export async function outcome(answers: readonly string[], options: DownloadOptions = {}): Promise<Outcome> {
  const asked: ParsedMessage[] = [];
  const server = await rawServer(async (connection, index) => {
    asked.push(parseMessage(await connection.readHead()));
    connection.end(answers[index]);
  });
  const directory = await tempDir();
  const path = join(directory, "file");
  const downloaded = download(`${server.origin}/a`, path, { retries: answers.length - 1, ...options });
  const result = await downloaded.catch(() => rejection(downloaded));
  const names = await readdir(directory);
  return { result, asked, names, file: names.includes("file") ? await readFile(path, "utf8") : undefined };
}

/** The Range and If-Range of each request. */
export function ranges(asked: readonly ParsedMessage[]): string[] {
  return asked.map(({ fieldLines }) =>
    [...fieldValues(fieldLines, "Range"), ...fieldValues(fieldLines, "If-Range")].join(" "),
  );
}
