import { open, readFile, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { type Algorithm, digestLength, TrailsumError } from "@trailsum/shared";

import { type FilePath, filePath, pathText } from "./file-path.ts";

/** A digest of a file, as a sums file states it. */
export interface Sum {
  readonly name: FilePath;
  readonly algorithm: Algorithm;
  readonly digest: Buffer;
}

/** What a sums file says: `SHA256SUMS` and its like, as GNU coreutils write and check them. */
export interface Sums {
  readonly path: string;
  /** In the order of the file. */
  readonly sums: readonly Sum[];
  /** How many lines are malformed. */
  readonly malformed: number;
  /** The digests of a file by algorithm; undefined if the sums file does not name it. */
  of(name: FilePath): ReadonlyMap<Algorithm, Buffer> | undefined;
}

/** What BSD, GNU `--tag` and OpenSSL call the algorithms. */
const TAGS: ReadonlyMap<string, Algorithm> = new Map([
  ["MD5", "md5"],
  ["SHA1", "sha"],
  ["SHA256", "sha-256"],
  ["SHA2-256", "sha-256"],
  ["SHA512", "sha-512"],
  ["SHA2-512", "sha-512"],
]);

/** The algorithms of digests without a name, by their length in hexadecimal digits. */
const BY_LENGTH: ReadonlyMap<number, Algorithm> = new Map(
  [...TAGS.values()].map((algorithm) => [digestLength(algorithm) * 2, algorithm]),
);

/** No sums file is larger. Bytes. */
const MAX_SIZE = 256 * 1024 * 1024;

/**
 * Reads a sums file. Rejects with `FILE_UNREADABLE` if it cannot be read or holds no digest, or if it says two different
 * things of one file.
 */
export async function readSums(path: string): Promise<Sums> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const reason =
      cause instanceof Error && "code" in cause && cause.code === "ENOENT" ? "no such file" : String(cause);
    throw new TrailsumError("FILE_UNREADABLE", `cannot read ${path}: ${reason}`, { cause });
  }
  if (bytes.length > MAX_SIZE) throw new TrailsumError("FILE_UNREADABLE", `${path} is too large for a sums file`);
  const { sums, malformed } = parseSums(bytes);
  if (sums.length === 0)
    throw new TrailsumError("FILE_UNREADABLE", `${path} holds no digest: it is not a sums file such as SHA256SUMS`);
  const byName = digestsByName(path, sums);
  return { path, sums, malformed, of: (name) => byName.get(keyOf(name)) };
}

/**
 * The lines of a sums file: `<hex>  <name>`, or `<hex> *<name>` where the file was read as binary; a backslash at the
 * start means that the name is escaped; `SHA256 (<name>) = <hex>` as BSD writes it. Lines that begin with `#` are comments.
 */
export function parseSums(bytes: Buffer): { readonly sums: Sum[]; readonly malformed: number } {
  const sums: Sum[] = [];
  let malformed = 0;
  // Names are bytes: they need not be UTF-8.
  for (const line of bytes.toString("latin1").split("\n")) {
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (text === "" || text.startsWith("#")) continue;
    const sum = parseLine(text);
    if (sum === undefined) malformed += 1;
    else sums.push(sum);
  }
  return { sums, malformed };
}

function parseLine(line: string): Sum | undefined {
  const isEscaped = line.startsWith("\\");
  const text = isEscaped ? line.slice(1) : line;
  const gnu = /^([0-9a-f]+) [ *](.+)$/is.exec(text);
  const bsd = /^([A-Z0-9-]+) ?\((.+)\) ?= ?([0-9a-f]+)$/s.exec(text);
  const [hex = "", name = ""] = gnu === null ? [bsd?.[3], bsd?.[2]] : gnu.slice(1);
  const algorithm = gnu === null ? TAGS.get(bsd?.[1] ?? "") : BY_LENGTH.get(hex.length);
  if (algorithm === undefined || hex.length !== digestLength(algorithm) * 2) return undefined;
  const unescaped = isEscaped ? unescape(name) : name;
  if (unescaped === undefined) return undefined;
  return { name: filePath(Buffer.from(unescaped, "latin1")), algorithm, digest: Buffer.from(hex, "hex") };
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\\\", "\\"],
  ["\\n", "\n"],
  ["\\r", "\r"],
]);

/** Undefined for an escape that does not exist. */
function unescape(name: string): string | undefined {
  let isValid = true;
  const text = name.replaceAll(/\\.?/gs, (escape) => {
    const character = ESCAPES.get(escape);
    isValid &&= character !== undefined;
    return character ?? "";
  });
  return isValid ? text : undefined;
}

/** `<hex>  <name>`, as md5sum and its like print it: a name that would break the line is escaped. */
export function sumsLine(digest: Buffer, path: FilePath): Buffer {
  const hex = digest.toString("hex");
  const name = Buffer.from(path).toString("latin1");
  const escaped = name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return Buffer.from(escaped === name ? `${hex}  ${name}\n` : `\\${hex}  ${escaped}\n`, "latin1");
}

/** The algorithm of a sums file by its name: `MD5SUMS`, `SHA512SUMS`, `b.sha1`; sha-256 for any other name. */
export function algorithmOfSums(path: string): Algorithm {
  const [, digits] = /(?:^|[^a-z])(md5|sha-?1|sha-?256|sha-?512)(?:$|[^0-9])/i.exec(basename(path)) ?? [];
  return TAGS.get((digits ?? "").toUpperCase().replace("-", "")) ?? "sha-256";
}

/** Writes a sums file in one step, in the order of the names. */
export async function writeSums(
  path: string,
  sums: Iterable<readonly [name: FilePath, digest: Buffer]>,
): Promise<void> {
  const lines = [...sums].map(([name, digest]) => ({ key: Buffer.from(name), line: sumsLine(digest, name) }));
  const fresh = join(dirname(path), `.${basename(path)}.${process.pid}~`);
  try {
    const file = await open(fresh, "wx");
    try {
      await file.writeFile(
        Buffer.concat(lines.toSorted((one, other) => one.key.compare(other.key)).map(({ line }) => line)),
      );
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } catch (cause) {
    await unlink(fresh).catch(() => {});
    throw new TrailsumError("FILE_UNWRITABLE", `cannot write ${path}: ${String(cause)}`, { cause });
  }
}

function digestsByName(path: string, sums: readonly Sum[]): Map<string, Map<Algorithm, Buffer>> {
  const byName = new Map<string, Map<Algorithm, Buffer>>();
  for (const { name, algorithm, digest } of sums) {
    const key = keyOf(name);
    const digests = byName.get(key) ?? new Map<Algorithm, Buffer>();
    byName.set(key, digests);
    if (digests.get(algorithm)?.equals(digest) === false)
      throw new TrailsumError("FILE_UNREADABLE", `${path} names ${pathText(name)} twice, with different digests`);
    digests.set(algorithm, digest);
  }
  return byName;
}

/** `./name` is `name`. */
function keyOf(name: FilePath): string {
  return Buffer.from(name)
    .toString("latin1")
    .replace(/^(?:\.\/+)+/, "");
}
