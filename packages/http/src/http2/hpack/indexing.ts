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

/** Lines are remembered in so many sets of two. A power of two. */
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

/** Two lines of one set, the newer one first. */
interface LinePair {
  name: string;
  value: string;
  olderName: string;
  olderValue: string;
}

const NO_SETS: (LinePair | undefined)[] = [];

/** The lines that were sent last. A connection that has sent only a few of them keeps only a few. */
class RecentLines {
  #sets = NO_SETS;

  /** Whether a line is among them. It is after that. */
  has(name: string, value: string): boolean {
    if (this.#sets === NO_SETS) this.#sets = Array.from({ length: SETS }, () => undefined);
    const set = setOf(name, value);
    const pair = this.#sets[set];
    if (pair === undefined) {
      this.#sets[set] = { name, value, olderName: "", olderValue: "" };
      return false;
    }
    if (pair.name === name && pair.value === value) return true;
    if (pair.olderName === name && pair.olderValue === value) return true;
    pair.olderName = pair.name;
    pair.olderValue = pair.value;
    pair.name = name;
    pair.value = value;
    return false;
  }
}

/** Lines in one set replace each other, so that the memory is bounded. */
function setOf(name: string, value: string): number {
  const last = value.length === 0 ? 0 : value.charCodeAt(value.length - 1);
  const hash = ((name.length * 31 + name.charCodeAt(name.length >> 1)) * 31 + value.length) * 31 + last;
  return (hash ^ (hash >> 5)) & (SETS - 1);
}
