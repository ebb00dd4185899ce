import { TrailsumError } from "@trailsum/shared";

/** The first segment that no object may have: stores keep their own files under it. */
export const reservedFolder = ".trailsum";

/** A segment that no object may have anywhere: what is received for another file system than the store's is below it. */
export const foreignStagingFolder = ".trailsum-staging";

/** The most bytes of one segment: what file systems allow a name to have. */
const MAX_SEGMENT = 255;
/** The most bytes of a whole path. */
const MAX_PATH = 4096;

/** What a request target names in a store. */
export interface ObjectPath {
  /** The decoded segments joined with "/": no leading slash, no empty segment, no `.` or `..`. Empty for the root. */
  readonly path: string;
  /** Whether the target ended in "/" (or was nothing else), and so names a directory rather than an object. */
  readonly directory: boolean;
}

/**
 * Reads the path of a request target (RFC 9112 section 3.2: origin-form or absolute-form) as the name of an object. The
 * query is left out: a read ignores it, and a write is refused for it. Percent-encoding is decoded once, segment by segment, so that no decoded character can act as a
 * separator. It refuses rather than repairs: `PATH_INVALID` for what cannot be a name, `PATH_FORBIDDEN` for what would
 * lead somewhere else.
 */
export function parseObjectPath(target: string): ObjectPath {
  const raw = pathOf(target);
  if (raw.length > 3 * MAX_PATH) throw tooLong();
  return objectPathOf(raw.slice(1).split("/").map(decodeSegment));
}

/**
 * The same for segments that are decoded already. The last one is empty for a directory.
 */
export function objectPathOf(decoded: readonly string[]): ObjectPath {
  const directory = decoded.at(-1) === "";
  const segments = directory ? decoded.slice(0, -1) : decoded;
  for (const segment of segments) checkSegment(segment);
  const path = segments.join("/");
  if (Buffer.byteLength(path) > MAX_PATH) throw tooLong();
  // In any case: on some file systems the names are the same.
  const kept = segments.find((segment, at) => isKept(segment.toLowerCase(), at));
  if (kept !== undefined) {
    throw new TrailsumError(
      "PATH_FORBIDDEN",
      `"${kept.toLowerCase()}" is kept by the server for itself: use another name`,
    );
  }
  return { path, directory };
}

/** Whether a request can name this segment of a path. `root` says whether it is the first one. */
export function isNameable(segment: string, root: boolean): boolean {
  return !isKept(segment.toLowerCase(), root ? 0 : 1) && !/[\p{Cc}\\]/u.test(segment);
}

function isKept(segment: string, at: number): boolean {
  return segment === foreignStagingFolder || (at === 0 && segment === reservedFolder);
}

function pathOf(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/\?.*$/s, "");
  if (path === "" && target !== "") return "/";
  if (path.startsWith("/")) return path;
  throw invalid("the request target is not a path: it has to start with /");
}

function decodeSegment(raw: string): string {
  if (/[^\x21-\x7e]|[\\#]/.test(raw)) {
    throw invalid(
      "the path has characters that must be percent-encoded: encode everything but letters, digits and -._~",
    );
  }
  if (/%(?![0-9a-f]{2})/i.test(raw)) throw invalid('a "%" in the path is not followed by two hex digits: write "%25"');
  return decodeUtf8(raw);
}

function checkSegment(segment: string): void {
  if (segment === "") throw invalid("the path has an empty segment: write one slash, not several");
  if (segment === "." || segment === "..") {
    throw new TrailsumError("PATH_FORBIDDEN", 'the path has a "." or ".." segment: write the path that is meant');
  }
  if (/[/\\]/.test(segment)) {
    throw new TrailsumError("PATH_FORBIDDEN", "the path has an encoded slash or backslash: names cannot contain them");
  }
  if (/\p{Cc}/u.test(segment)) throw invalid("the path has a control character: names cannot contain them");
  if (Buffer.byteLength(segment) > MAX_SEGMENT) {
    throw invalid(`the path has a segment of more than ${MAX_SEGMENT} bytes: shorten it`);
  }
}

function decodeUtf8(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch (cause) {
    throw new TrailsumError("PATH_INVALID", "the path is not UTF-8 once decoded: encode it as UTF-8", { cause });
  }
}

function tooLong(): TrailsumError {
  return invalid(`the path has more than ${MAX_PATH} bytes: shorten it`);
}

function invalid(message: string): TrailsumError {
  return new TrailsumError("PATH_INVALID", message);
}
