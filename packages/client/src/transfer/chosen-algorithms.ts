import { type Algorithm, parseAlgorithm } from "@trailsum/shared";

/** md5, which is always computed, and those that the caller adds; `UNKNOWN_ALGORITHM` for a name that is none. */
export function chosenAlgorithms(further: readonly string[] = []): Algorithm[] {
  return [...new Set<Algorithm>(["md5", ...further.map((name) => parseAlgorithm(name))])];
}
