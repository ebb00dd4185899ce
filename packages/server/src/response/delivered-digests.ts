import { type Algorithm, type Digests, type FieldLines, mostWanted } from "@trailsum/shared";

/** Which digests a whole object is sent with. */
export interface DeliveredDigests {
  /** Those of the record that the header states. */
  readonly digests: Digests | undefined;
  /** The algorithm by which what leaves is compared with them: one is enough. */
  readonly compared: readonly Algorithm[];
  /** The algorithms of the trailers. */
  readonly algorithms: readonly Algorithm[];
}

/**
 * Chooses the recorded digests that the client wants most (RFC 9530 section 4), because it computes each that it is sent. A
 * client that does not say what it wants is sent all of them: it may know only one. `supported` are the algorithms that the server computes, for what is wanted and not recorded.
 */
export function deliveredDigests(
  recorded: Digests | undefined,
  header: FieldLines,
  supported: readonly Algorithm[],
): DeliveredDigests {
  const known = recorded === undefined ? [] : [...recorded.values.keys()];
  const wanted = mostWanted(header, known);
  const stated = wanted.length > 0 ? wanted : known;
  const algorithms = [...new Set([...stated, ...mostWanted(header, supported)])];
  if (recorded === undefined || stated.length === 0) {
    return { digests: undefined, compared: [], algorithms: algorithms.length > 0 ? algorithms : usual(supported) };
  }
  const values = new Map([...recorded.values].filter(([algorithm]) => stated.includes(algorithm)));
  return { digests: { size: recorded.size, values }, compared: usual(stated), algorithms };
}

/** The algorithms of the trailers of a 206, whose content cannot be compared with the record. */
export function partAlgorithms(header: FieldLines, supported: readonly Algorithm[]): readonly Algorithm[] {
  const wanted = mostWanted(header, supported);
  return usual(wanted.length > 0 ? wanted : supported);
}

/** sha-256, which costs the least where the processor helps with it; otherwise the first of them. */
function usual(algorithms: readonly Algorithm[]): readonly Algorithm[] {
  return algorithms.includes("sha-256") ? ["sha-256"] : algorithms.slice(0, 1);
}
