import { Writable } from "node:stream";

import { redactedTarget, TrailsumError } from "@trailsum/shared";

import { FieldLines } from "@trailsum/shared";
import { download, type DownloadOptions } from "../download/download.ts";
import { rawFields } from "../dispatcher/request-fields.ts";
import { targetUrl } from "../transfer/target-url.ts";

/** An object below a directory of a server. */
export interface ListedObject {
  /** The URL of the object. */
  readonly url: URL;
  /**
   * Its path from the directory: segments that are names, joined with `/`. No segment is empty, `.` or `..`, or holds a
   * slash or NUL, nor a backslash or a colon on Windows.
   */
  readonly path: string;
  /** Bytes, where the listing says it. */
  readonly size: number | undefined;
}

/** Options of {@link listObjects}. */
export type ListOptions = Pick<DownloadOptions, "headers" | "signal" | "dispatcher" | "retries">;

/** The largest listing of one directory. Bytes. */
const MAX_LISTING = 64 * 1024 * 1024;
/** A server could make up directories without end. */
const MAX_DEPTH = 64;
const MAX_ENTRIES = 1_000_000;

/** The members of a listing entry that are used. */
interface Entry {
  readonly name: string;
  readonly kind: "object" | "directory";
  readonly size: number | undefined;
}

interface Directory {
  readonly url: URL;
  /** Empty, or ends in a slash. */
  readonly path: string;
  readonly depth: number;
}

/**
 * Every object below a directory of a trailsum server, by its listings in JSON. Nothing in a listing is trusted: a name
 * that is not one ends it with `PROTOCOL`, and so does a server that lists without end. Rejects as {@link download} does,
 * and with `REFUSED` if there is no such listing.
 */
export async function* listObjects(url: string | URL, options: ListOptions = {}): AsyncGenerator<ListedObject> {
  const root = targetUrl(url);
  if (!root.pathname.endsWith("/"))
    throw new TrailsumError("USAGE", `${redactedTarget(root)} is not a directory: end the URL with /`);
  const pending: Directory[] = [{ url: root, path: "", depth: 0 }];
  let count = 0;
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const { path, depth } = directory;
    for (const { name, kind, size } of await fetchListing(directory.url, options)) {
      count += 1;
      const there = new URL(directory.url);
      there.pathname += encodeURIComponent(name) + (kind === "directory" ? "/" : "");
      if (count > MAX_ENTRIES || depth >= MAX_DEPTH)
        throw new TrailsumError("PROTOCOL", `${redactedTarget(root)} lists more than can be downloaded`);
      if (kind === "object") yield { url: there, path: path + name, size };
      else pending.push({ url: there, path: `${path}${name}/`, depth: depth + 1 });
    }
  }
}

/** The entries of one directory. What arrives is verified as any download is. */
async function fetchListing(url: URL, options: ListOptions): Promise<Entry[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      chunks.push(chunk);
      done(
        size > MAX_LISTING ? new TrailsumError("PROTOCOL", `${redactedTarget(url)}: too large for a listing`) : null,
      );
    },
  });
  const given = FieldLines.fromRaw(rawFields(options.headers)).delete("Accept");
  const { headers } = await download(url, sink, { ...options, headers: [...given, ["Accept", "application/json"]] });
  const isJson = headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase() === "application/json";
  const entries = isJson ? parseListing(Buffer.concat(chunks)) : undefined;
  if (entries !== undefined) return entries;
  throw new TrailsumError("PROTOCOL", `${redactedTarget(url)} is not the listing of a trailsum server`);
}

/** Undefined for what is not a listing. Throws for a name that is not one. */
function parseListing(content: Buffer): Entry[] | undefined {
  let listing: unknown;
  try {
    listing = JSON.parse(content.toString());
  } catch {
    return undefined;
  }
  if (typeof listing !== "object" || listing === null || !("entries" in listing)) return undefined;
  const { entries } = listing;
  return Array.isArray(entries) ? entries.map(parseEntry) : undefined;
}

function parseEntry(entry: unknown): Entry {
  const { name, kind, size } = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
  if (typeof name !== "string" || !isName(name))
    throw new TrailsumError(
      "PROTOCOL",
      `the listing names ${JSON.stringify(name)}, which cannot be the name of a file`,
    );
  return {
    name,
    kind: kind === "directory" ? kind : "object",
    size: typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : undefined,
  };
}

const FORBIDDEN = process.platform === "win32" ? /[/\\:\0]/ : /[/\0]/;

function isName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !FORBIDDEN.test(name);
}
