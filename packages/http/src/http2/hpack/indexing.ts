/** How a field line that is in neither table is encoded (RFC 7541 section 6.2). */
export type Indexing =
  /** As a literal that enters the dynamic table. */
  | "incremental"
  /** As a literal that does not. */
  | "none"
  /** As a literal that no intermediary may put in a table either. */
  | "never";

/** Chooses how a line is encoded that is in neither table. */
export type IndexingPolicy = (name: string, value: string) => Indexing;

/** Credentials, which an attacker could guess by the size of what is sent (RFC 7541 section 7.1.3). */
const SENSITIVE: ReadonlySet<string> = new Set(["authorization", "proxy-authorization"]);

/** Cookies that are short enough to be guessed. Octets. */
const SHORT_COOKIE = 20;

/** Larger lines would push too much out of the table. Octets of name and value. */
const LARGE = 1024;

/** Lines are remembered in so many sets of two, so that the memory is bounded. A power of two. */
const SETS = 32;

/**
 * The policy of a connection: credentials and short cookies are never indexed; of the others, a line enters the table when
 * it is sent for the second time within a short while. So lengths, dates, digests and paths that do not come again do not
 * evict those that do, regardless of their names.
 */
export function indexRepeated(): IndexingPolicy {
  const recent = new RecentLines();
  return (name, value) => {
    if (SENSITIVE.has(name)) return "never";
    if (value.length < SHORT_COOKIE && (name === "cookie" || name === "set-cookie")) return "never";
    if (name.length + value.length > LARGE) return "none";
    return recent.has(name, value) ? "incremental" : "none";
  };
}

/** The lines that were sent last, two in each set: the newer one first. */
class RecentLines {
  /**
   * Their hashes; 0 for none. A line itself is not kept: its value may be a view of the whole section that it was read from. Two lines with
   * one hash only make one of them enter the table early.
   */
  #hashes: number[] | undefined;

  /** Whether a line is among them. It is after that. */
  has(name: string, value: string): boolean {
    // A connection that has sent nothing keeps nothing.
    const hashes = (this.#hashes ??= Array.from({ length: 2 * SETS }, () => 0));
    const hash = hashOf(value, hashOf(name, FNV_OFFSET)) || 1;
    const newer = 2 * ((hash ^ (hash >>> 16)) & (SETS - 1));
    if (hashes[newer] === hash || hashes[newer + 1] === hash) return true;
    hashes[newer + 1] = hashes[newer]!;
    hashes[newer] = hash;
    return false;
  }
}

// FNV-1a, of 32 bits.
const FNV_OFFSET = -2_128_831_035;
const FNV_PRIME = 16_777_619;

/** A hash of characters, and of what was hashed before. */
function hashOf(text: string, before: number): number {
  let hash = before;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  return hash;
}
