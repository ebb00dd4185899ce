import { TrailsumError } from "./errors.ts";
import type { FieldLines } from "./field-lines.ts";
import { foldedFieldName, isToken } from "./field-syntax.ts";
import { isIntegrityTrailer, isTrailerNameFolded } from "./trailer-names.ts";

/**
 * Which trailer fields are forwarded, announced or not unless stated:
 * - `integrity`: an allow-list. The integrity fields (`Md5`, `Size`, `Content-Digest`, `Repr-Digest`,
 *   `Unencoded-Digest`, `Content-MD5`, `Digest`, `x-goog-hash`, `x-amz-checksum-*`, `OC-Checksum`, `Upload-Checksum`),
 *   `Signature` and `Signature-Input`; for gRPC also `grpc-status`, `grpc-message` and `grpc-status-details-bin`.
 * - `declared`: those that the message's own `Trailer` field announces. Its sender writes that field too.
 * - `all`, `none`, or those named in a list, in any case.
 *
 * Fields that are not allowed in trailers (RFC 9110 section 6.5.1) never do: see `isTrailerName`.
 */
export type TrailerSelection = "integrity" | "declared" | "all" | "none" | readonly string[];

/** Options of {@link createTrailerPolicy}. */
export interface TrailerPolicyOptions {
  /**
   * Which fields go on. Forbidden names never do.
   * @default "declared"
   */
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
  /**
   * Whether the message is one of gRPC.
   * @default false
   */
  readonly grpc?: boolean;
}

/** One rule for the trailers of requests and responses, in HTTP/1.1 and HTTP/2. */
export interface TrailerPolicy {
  /** The most bytes in one trailer section. */
  readonly maxBytes: number;
  /** Whether fields that were not announced may be forwarded. */
  readonly passesUndeclared: boolean;
  /**
   * Whether a known length is given up for fields that were not announced: HTTP/1.1 has no room for trailers after
   * content of a known length (RFC 9112 section 6.1). True where all or listed fields were asked for.
   */
  readonly undeclaredOverLength: boolean;
  /**
   * Those field lines that go on, in their order, duplicates and empty values kept.
   * Throws `TRAILERS_TOO_LARGE` when there are more, or larger ones, than allowed: they are never cut short.
   */
  filter(trailers: FieldLines, context: TrailerContext): FieldLines;
  /** The announced names whose fields may be forwarded: what `Trailer` announces to the next hop. */
  announce(context: TrailerContext): string[];
}

const SELECTIONS: ReadonlySet<unknown> = new Set(["integrity", "declared", "all", "none"]);

/** A policy object. It keeps no state and serves any number of messages. Throws `USAGE` for an unknown selection. */
export function createTrailerPolicy(options: TrailerPolicyOptions = {}): TrailerPolicy {
  const { select = "declared", maxFields = 128, maxBytes = 16_384 } = options;
  if (!Array.isArray(select) && !SELECTIONS.has(select))
    throw new TrailsumError("USAGE", `trailers are selected by ${[...SELECTIONS].join(", ")} or a list of names`);

  // Sets, because strangers choose the names: comparing each of thousands with each other would take seconds.
  const selector = ({ declared, hopByHop = [], grpc = false }: TrailerContext): ((name: string) => boolean) => {
    const oneHop = hopByHop.length === 0 ? undefined : new Set(hopByHop.map(foldedFieldName));
    const selected = selects(declared, grpc);
    return (name) => {
      const folded = foldedFieldName(name);
      if (!isToken(name) || !isTrailerNameFolded(folded) || oneHop?.has(folded) === true) return false;
      return selected(name.toLowerCase());
    };
  };

  const selects = (declared: readonly string[], grpc: boolean): ((lower: string) => boolean) => {
    if (select === "all") return () => true;
    if (select === "integrity") return (lower) => isIntegrityTrailer(lower, grpc);
    const names = lowerCased(select === "declared" ? declared : select === "none" ? [] : select);
    return (lower) => names.has(lower);
  };

  return {
    maxBytes,
    passesUndeclared: select !== "declared" && select !== "none",
    undeclaredOverLength: select === "all" || typeof select !== "string",
    filter(trailers, context) {
      if (trailers.length > maxFields || sectionBytes(trailers) > maxBytes) {
        throw new TrailsumError(
          "TRAILERS_TOO_LARGE",
          `a trailer section of more than ${maxFields} fields or ${maxBytes} bytes`,
        );
      }
      const isSelected = selector(context);
      return trailers.without((name) => !isSelected(name));
    },
    announce: (context) => {
      if (context.declared.length === 0) return [];
      const isSelected = selector(context);
      const seen = new Set<string>();
      return context.declared.filter((name) => {
        const lower = name.toLowerCase();
        const again = seen.has(lower);
        seen.add(lower);
        return !again && isSelected(name);
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
