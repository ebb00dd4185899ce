import { type FieldLine, probeContentType, TrailsumError } from "@trailsum/shared";

import type { Hop } from "../../transfer/redirects.ts";
import {
  type UploadRequesting,
  uploadRequest,
  type UploadSupport,
  uploadSupportIn,
} from "../upload-resource-requests.ts";
import type { TrailerPassage } from "./path-knowledge.ts";
import { exchangeProbe, type ProbeExchange } from "./probe-exchange.ts";
import { inTime } from "./question-time.ts";
import { askForSupport, noteSupport } from "./server-support.ts";

/** What a probe has shown. */
export interface ProbedPath {
  readonly passage: TrailerPassage | "unclear";
  /** What was seen, as a phrase. */
  readonly evidence: string;
  /** What the server announces to support. */
  readonly support: UploadSupport;
}

/**
 * The trailers are those of an upload, for which hops may have rules. No content comes before them, and no `Trailer` field
 * announces them: http-proxy 1.18 gives every OPTIONS a `Content-Length: 0`, sends content after it as if it were the next
 * request, and ends its process over the field.
 */
const trailers = (): readonly FieldLine[] => [["Size", "0"]];

/**
 * Asks a server what it supports at a target, by an OPTIONS with empty content and a trailer: a trailsum server answers with a
 * report of what has arrived. Another one ignores or refuses them. Where the request does not get an
 * answer, or a hop refuses it, a plain OPTIONS shows whether the trailers were the reason.
 */
export async function probePath(hop: Hop, requesting: UploadRequesting): Promise<ProbedPath> {
  const probed = await sendProbe(hop, requesting);
  if (typeof probed === "string") {
    const support = await askForSupport(hop, requesting);
    // A connection can end for other reasons: only of a server that answers otherwise it is known that it did not.
    return { passage: support.uploadResources ? "fatal" : "unclear", evidence: probed, support };
  }
  const support = uploadSupportIn(hop, probed);
  noteSupport(hop, requesting, support);
  if (probed.report === undefined)
    return { passage: "unclear", evidence: "the server does not report what arrives", support };
  return probed.report.trailers.includes("size")
    ? { passage: "kept", evidence: "those of a probe arrived", support }
    : { passage: "dropped", evidence: "those of a probe did not arrive", support };
}

/** The statuses with which hops refuse requests that have trailers. */
const REFUSED_BY_HOPS: ReadonlySet<number> = new Set([400, 502]);

/** Sends the probe. Resolves with a phrase where its trailers may have been its end. */
async function sendProbe(hop: Hop, requesting: UploadRequesting): Promise<ProbeExchange | string> {
  const request = uploadRequest(hop, "OPTIONS", requesting, [
    ["Content-Type", probeContentType],
    ["TE", "trailers"],
  ]);
  const sent = { ...request, body: Buffer.alloc(0), trailers };
  try {
    const probed = await inTime(hop, requesting, ({ dispatcher, signal }) =>
      exchangeProbe(dispatcher, sent, { signal }),
    );
    return REFUSED_BY_HOPS.has(probed.status) ? `a probe was answered ${probed.status}` : probed;
  } catch (error) {
    if (!(error instanceof TrailsumError)) throw error;
    if (error.code === "CONNECTION_LOST" || error.code === "PROTOCOL") return "a probe ended the connection";
    if (error.code === "TIMEOUT") return "a probe was not answered in time";
    throw error;
  }
}
