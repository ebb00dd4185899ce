import type { Version } from "../combination.ts";

/** How an upload was asked to be delivered, by `--delivery`. */
export type Asked = "auto" | "trailers" | "header" | "two-step";

/** What was seen of one path. */
export interface WalkedPath {
  readonly name: string;
  /** What the client speaks with the first hop. */
  readonly version: Version;
  /** The versions of the hops' software, in order. */
  readonly software: readonly string[];
  /** How the upload of a pipe with default flags ended. */
  readonly exitCode: number;
  /** What it said where it failed; without ports. */
  readonly complaint?: string;
  /** The delivery mode that was used, and why. */
  readonly mode?: string;
  readonly reason?: string;
  /** Whether the server has stored what the pipe held. */
  readonly intact: boolean;
  /** The requests that reached the server; nothing where they cannot be seen. */
  readonly requests?: readonly string[];
  /** How often the client sent the content: 1 is once. */
  readonly sent: number;
  /** The exit codes of uploads of which a bit was flipped; nothing where there is no place to flip one. */
  readonly flipped?: Readonly<Record<Asked, number>>;
}

/** All that was measured. */
export interface WalkedPaths {
  /** The size of the pipe, in bytes. */
  readonly size: number;
  /** The size of what was flipped. */
  readonly flippedSize: number;
  readonly paths: readonly WalkedPath[];
}

/** Requests that the mode of an upload takes, without those that find out what the path can do. */
const TAKEN: Readonly<Record<string, number>> = { trailers: 1, header: 1, "two-step": 2 };

/** How many requests an upload took beyond those of its mode; undefined where that cannot be seen. */
export function extraRequests({ mode, requests }: WalkedPath): number | undefined {
  return mode === undefined || requests === undefined ? undefined : requests.length - (TAKEN[mode] ?? 0);
}

/** The first upload of a pipe to an origin asks what the server supports and what the path does to trailers, in one request. Where that
 * request is lost with its trailers, the one without them is the one that gets there. */
const MAX_EXTRA = 1;

/** What is wrong with what was seen of a path, as phrases; nothing if all is as promised. */
export function faultsOf(path: WalkedPath): string[] {
  const faults: string[] = [];
  if (path.exitCode !== 0) faults.push(`exit ${path.exitCode}: ${path.complaint ?? ""}`);
  else if (!path.intact) faults.push("what is stored is not what was sent");
  if (path.sent > 1.1) faults.push(`the content was sent ${path.sent} times`);
  if ((extraRequests(path) ?? 0) > MAX_EXTRA) faults.push(`${extraRequests(path)} extra requests`);
  for (const [asked, exitCode] of Object.entries(path.flipped ?? {})) {
    // Asked for where the path loses them, trailers cannot say that the content is another: then nothing is stored.
    const lost = asked === "trailers" && path.mode !== "trailers" && (exitCode === 7 || exitCode === 3);
    if (exitCode !== 6 && !lost) faults.push(`a flipped bit with --delivery ${asked}: exit ${exitCode}`);
  }
  return faults;
}
