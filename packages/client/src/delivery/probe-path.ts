import { type FieldLine, parseProbeReport } from "@trailsum/shared";

import { fetchShort } from "../transfer/answer.ts";
import { transportError } from "../transfer/transport-error.ts";
import { type UploadRequesting, uploadRequest } from "../upload/upload-resource-requests.ts";
import type { Hop } from "../transfer/redirects.ts";
import type { TrailerPassage } from "./path-knowledge.ts";

/** What a probe has shown. */
export interface ProbedPath {
  readonly passage: TrailerPassage | "unclear";
  /** What was seen, as a phrase. */
  readonly evidence: string;
}

/** How long a path may take to carry a few bytes. Milliseconds. */
export const PROBE_TIMEOUT = 10_000;

/** What a probe carries. The trailers are the ones of an upload, for which hops may have rules. */
const CONTENT = "trailsum";
const TRAILERS: readonly FieldLine[] = [["Size", String(CONTENT.length)]];

/** Sends a few bytes with trailers to where a trailsum server reports what arrives, and stores nothing. */
export async function probeTrailers(to: Hop, requesting: UploadRequesting): Promise<ProbedPath> {
  const request = uploadRequest(to, "POST", requesting, [
    ["TE", "trailers"],
    ["Trailer", "Size"],
  ]);
  try {
    const answer = await fetchShort(
      requesting.dispatcher,
      { ...request, body: Buffer.from(CONTENT), trailers: TRAILERS, headersTimeout: PROBE_TIMEOUT },
      { signal: requesting.signal },
    );
    const report = parseProbeReport(Buffer.concat(answer.content).toString("utf8"));
    if (answer.status !== 200 || report === undefined) return unclear(`it was answered ${answer.status}`);
    return report.trailers.includes("size")
      ? { passage: "kept", evidence: "those of a probe arrived" }
      : { passage: "dropped", evidence: "those of a probe did not arrive" };
  } catch (error) {
    const { code } = transportError(error, to.url);
    if (code === "CONNECTION_LOST" || code === "PROTOCOL")
      return { passage: "fatal", evidence: "a probe ended the connection" };
    if (code === "TIMEOUT") return unclear("no answer came in time");
    throw error;
  }
}

function unclear(evidence: string): ProbedPath {
  return { passage: "unclear", evidence };
}
