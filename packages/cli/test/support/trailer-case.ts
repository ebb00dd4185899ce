/** What a peer does with one trailer field. */
type Telling = "right" | "wrong" | "absent";

/** What a peer that sends `Md5` and `Size` as trailers does with them. */
export interface TrailerCase {
  readonly md5: Telling;
  readonly size: Telling;
  /** Whether `Trailer` names both beforehand, or nothing. */
  readonly announced: boolean;
}

const asAnnounced = { md5: "right", size: "right", announced: true } as const;

/** The article's exchange, and everything that can be wrong with it. */
export const trailerCases = {
  "digest and size": asAnnounced,
  "a wrong digest": { ...asAnnounced, md5: "wrong" },
  "a wrong size": { ...asAnnounced, size: "wrong" },
  "a digest announced and missing": { ...asAnnounced, md5: "absent" },
  "a size announced and missing": { ...asAnnounced, size: "absent" },
  "both announced and missing": { md5: "absent", size: "absent", announced: true },
  "digest and size, unannounced": { ...asAnnounced, announced: false },
  "no trailers at all": { md5: "absent", size: "absent", announced: false },
} as const satisfies Record<string, TrailerCase>;

/** The name of one of them. */
export type TrailerCaseName = keyof typeof trailerCases;

/** The trailers that a case comes to, name by name, for content of this digest and size. */
export function trailersOf({ md5, size }: TrailerCase, digest: string, length: number): [string, string][] {
  const trailers: [string, string][] = [];
  if (md5 !== "absent") trailers.push(["Md5", md5 === "right" ? digest : digest.replaceAll(/[0-9a-f]/g, "0")]);
  if (size !== "absent") trailers.push(["Size", String(size === "right" ? length : length + 1)]);
  return trailers;
}
