import { allAlgorithms, errorProblem, formatWantDigest, problemMediaType, TrailsumError } from "@trailsum/shared";

/** What a client is answered for an error of its request. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A problem document (RFC 9457). */
  readonly body: string;
}

/**
 * The answer to an error that the client can act on; undefined for every other one, which is the service's own and for its
 * log. Where a digest is missing or wrong it names those that are checked (RFC 9530 section 4).
 */
export function problemAnswer(error: unknown): ProblemAnswer | undefined {
  if (!(error instanceof TrailsumError) || !error.expose) return undefined;
  const problem = errorProblem(error);
  const isIntegrity = error.code.startsWith("DIGEST_") || error.code === "SIZE_MISMATCHED";
  return {
    status: problem.status,
    headers: {
      "Content-Type": problemMediaType,
      ...(isIntegrity && { "Want-Repr-Digest": formatWantDigest(allAlgorithms) }),
    },
    body: `${JSON.stringify(problem)}\n`,
  };
}
