import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** A path or a name in a file system: text, or bytes if it is not UTF-8. */
export type FilePath = string | Buffer;

/** What Node puts in place of bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/** The path or name that the system gives as these bytes. */
export function filePath(bytes: Buffer): FilePath {
  return isUtf8(bytes) ? bytes.toString() : bytes;
}

/** The entry `name` of `directory`. */
export function joinPath(directory: FilePath, name: FilePath): FilePath {
  if (typeof directory === "string" && typeof name === "string") return join(directory, name);
  // What `join` makes of `.` and of a directory with a slash at its end.
  const prefix = Buffer.from(typeof directory === "string" ? join(directory, "x").slice(0, -1) : directory);
  const slash = prefix.length === 0 || prefix.at(-1) === SLASH ? [] : [Buffer.of(SLASH)];
  return Buffer.concat([prefix, ...slash, Buffer.from(name)]);
}

const SLASH = 0x2f;

/** As text. Bytes that are not UTF-8 are shown as U+FFFD. */
export function pathText(path: FilePath): string {
  return path.toString();
}

/** As one segment of a URL's path: every byte but RFC 3986's unreserved ones percent-encoded. */
export function urlSegment(name: FilePath): string {
  if (typeof name === "string") return encodeURIComponent(name);
  return Array.from(name, (byte) => {
    const character = String.fromCodePoint(byte);
    return /[\w.~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

/** What `upload` takes as the source: the path itself, or a `file:` URL, which can hold any bytes. */
export function uploadSource(path: FilePath): string | URL {
  if (typeof path === "string") return path;
  const segments = path.toString("latin1").split("/");
  const encoded = segments.map((segment) => urlSegment(Buffer.from(segment, "latin1"))).join("/");
  return new URL(encoded, pathToFileURL(join(resolve("."), "/")));
}

/**
 * The path that an argument of this process names. Node decodes arguments as UTF-8, and what it cannot decode it
 * replaces; Linux still has the bytes.
 */
export function argumentPath(argument: string): FilePath {
  if (!argument.includes(REPLACEMENT)) return argument;
  const bytes = rawArguments().find((raw) => raw.toString() === argument);
  return bytes === undefined ? argument : filePath(bytes);
}

function rawArguments(): Buffer[] {
  try {
    const text = readFileSync("/proc/self/cmdline", "latin1");
    return text.split("\0").map((argument) => Buffer.from(argument, "latin1"));
  } catch {
    return [];
  }
}
