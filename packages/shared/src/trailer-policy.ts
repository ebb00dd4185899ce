import { TrailsumError } from "./errors.ts";
import type { FieldLines } from "./field-lines.ts";
import { isToken } from "./field-syntax.ts";

/**
 * Names that are never trailers: what frames, routes, authenticates, conditions or controls a message, or says how to
 * read its content, comes too late behind it (RFC 9110 section 6.5.1). Go's list, and what forwards or carries state.
 */
const FORBIDDEN: ReadonlySet<string> = new Set(
  [
    "transfer-encoding content-length trailer te connection keep-alive proxy-connection upgrade http2-settings",
    "host max-forwards via expect range cache-control pragma",
    "authorization proxy-authenticate proxy-authorization www-authenticate realm cookie set-cookie",
    "content-encoding content-range content-type",
    "forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip",
  ].flatMap((line) => line.split(" ")),
);

/** Which trailer fields go on: those announced in `Trailer`, all, none, or those named. */
export type TrailerSelection = "declared" | "all" | "none" | readonly string[];

/** Options of {@link createTrailerPolicy}. */
export interface TrailerPolicyOptions {
  /** Which fields go on. Default `declared`. Forbidden names never do. */
  readonly select?: TrailerSelection;
  /** The most field lines in one trailer section. Default 128. */
  readonly maxFields?: number;
  /** The most bytes in one trailer section, names, values and four bytes for each line. Default 16384. */
  readonly maxBytes?: number;
}

/** What is known of a message when its trailers are looked at. */
export interface TrailerContext {
  /** The names that the message's `Trailer` field announced. */
  readonly declared: readonly string[];
  /** The names that its `Connection` field listed: those are for one hop only (RFC 9110 section 7.6.1). */
  readonly hopByHop?: readonly string[];
}

/** One rule for the trailers of requests and responses, in HTTP/1.1 and HTTP/2. */
export interface TrailerPolicy {
  /** The most bytes in one trailer section. */
  readonly maxBytes: number;
  /** Whether fields that nobody announced may go on. */
  readonly passesUndeclared: boolean;
  /**
   * Those field lines that go on, in their order, duplicates and empty values kept.
   * Throws `TRAILERS_TOO_LARGE` when there are more, or larger ones, than allowed: they are never cut short.
   */
  filter(trailers: FieldLines, context: TrailerContext): FieldLines;
  /** Those announced names under which something may go on: what the next hop may be told to expect. */
  announce(context: TrailerContext): string[];
}

/** Whether a field of this name may be sent in a trailer section at all, by anyone. */
export function isTrailerName(name: string): boolean {
  const lower = name.toLowerCase();
  return isToken(name) && !FORBIDDEN.has(lower) && !lower.startsWith("if-");
}

/** A policy object. It keeps no state and serves any number of messages. */
export function createTrailerPolicy(options: TrailerPolicyOptions = {}): TrailerPolicy {
  const { select = "declared", maxFields = 128, maxBytes = 16_384 } = options;

  // Sets, because strangers choose the names: comparing each of thousands with each other would take seconds.
  const selector = ({ declared, hopByHop = [] }: TrailerContext): ((name: string) => boolean) => {
    const oneHop = hopByHop.length === 0 ? undefined : lowerCased(hopByHop);
    const selected = select === "all" ? undefined : lowerCased(selection(declared));
    return (name) => {
      const lower = name.toLowerCase();
      return isTrailerName(name) && oneHop?.has(lower) !== true && selected?.has(lower) !== false;
    };
  };

  const selection = (declared: readonly string[]): readonly string[] => {
    if (select === "declared") return declared;
    return typeof select === "string" ? [] : select;
  };

  return {
    maxBytes,
    passesUndeclared: select !== "declared" && select !== "none",
    filter(trailers, context) {
      if (trailers.length > maxFields || sectionBytes(trailers) > maxBytes) {
        throw new TrailsumError(
          "TRAILERS_TOO_LARGE",
          `a trailer section of more than ${maxFields} fields or ${maxBytes} bytes`,
        );
      }
      const selects = selector(context);
      return trailers.without((name) => !selects(name));
    },
    announce: (context) => {
      if (context.declared.length === 0) return [];
      const selects = selector(context);
      const seen = new Set<string>();
      return context.declared.filter((name) => {
        const lower = name.toLowerCase();
        const again = seen.has(lower);
        seen.add(lower);
        return !again && selects(name);
      });
    },
  };
}

function lowerCased(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}

/** As on the wire in HTTP/1.1: `name: value CRLF`. */
function sectionBytes(trailers: FieldLines): number {
  let bytes = 0;
  for (const text of trailers.raw) bytes += text.length + 2;
  return bytes;
}
