import { type ErrorCode, TrailsumError } from "@trailsum/shared";

/** What `--json` says of an entry that failed. */
export function describedError(error: unknown): { code: ErrorCode; message: string } {
  const { code, message } = TrailsumError.from(error);
  return { code, message };
}

/** The line that `--json` prints for an error of the command as a whole. */
export function errorObject(error: unknown): string {
  return `${JSON.stringify({ error: describedError(error) })}\n`;
}

const FINAL: ReadonlySet<ErrorCode> = new Set(["ABORTED", "USAGE", "NO_SPACE"]);
const FINAL_FOR_ONE_SERVER: ReadonlySet<ErrorCode> = new Set(["CONNECT_FAILED", "UNTRUSTED_CERTIFICATE"]);

/** Whether every further entry would fail in the same way. */
export function isFinal(error: unknown, peers: "one server" | "several servers"): boolean {
  if (!(error instanceof TrailsumError)) return false;
  return FINAL.has(error.code) || (peers === "one server" && FINAL_FOR_ONE_SERVER.has(error.code));
}
