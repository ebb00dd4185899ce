import { TrailsumError } from "@trailsum/shared";

import type { UploadSupport } from "../upload-resource-requests.ts";
import type { DeliveryChoice, DeliveryMode } from "./delivery-mode.ts";
import type { TrailerPassage } from "./path-knowledge.ts";

/** What is known when the next step of a delivery is decided. */
export interface DeliverySituation {
  readonly asked: DeliveryChoice;
  /** Where the upload goes, for messages. */
  readonly origin: string;
  /** Whether the source can be read again. */
  readonly rereadable: boolean;
  /** Whether the source is in memory and small: its digests are known beforehand. */
  readonly whole: boolean;
  /** What happens to trailers; `unclear` if a probe could not determine it. */
  readonly trailers: TrailerPassage | "unknown" | "unclear";
  /** How that is known. */
  readonly evidence: string;
  /** What the server supports; undefined if it has not been asked. */
  readonly support: UploadSupport | undefined;
  /** Why an earlier attempt failed. */
  readonly failure: TrailsumError | undefined;
}

/** The next step: ask the server what it supports, probe the path to it by the same question, send the content, or give up. */
export type DeliveryStep =
  | { readonly step: "ask" }
  | { readonly step: "probe" }
  | { readonly step: "send"; readonly mode: DeliveryMode; readonly reason: string }
  | { readonly step: "give up"; readonly error: TrailsumError };

/** Decides the next step from what is known, and nothing else. */
export function planDelivery(situation: DeliverySituation): DeliveryStep {
  switch (situation.asked) {
    case "trailers":
      return send("trailers", "asked for");
    case "header":
      return situation.rereadable ? send("header", "asked for") : giveUp(headerNeedsRereading(situation));
    case "two-step":
      if (situation.support === undefined) return { step: "ask" };
      return situation.support.uploadResources ? send("two-step", "asked for") : giveUp(noUploadResources(situation));
    default:
      return planByPath(situation);
  }
}

function planByPath(situation: DeliverySituation): DeliveryStep {
  const { trailers, evidence, rereadable } = situation;
  switch (trailers) {
    case "kept":
      return send("trailers", `the path keeps trailers: ${evidence}`);
    case "unclear":
      return send("trailers", `it is not known what the path does to trailers: ${evidence}`);
    case "unknown":
      // What can be read again needs no probe: a failed attempt costs time and nothing else.
      if (rereadable) return send("trailers", "nothing is known against trailers on this path");
      return { step: "probe" };
    default:
      return planWithoutTrailers(situation);
  }
}

function planWithoutTrailers(situation: DeliverySituation): DeliveryStep {
  const { trailers, evidence, rereadable, whole, support, failure } = situation;
  const why = `${trailers === "dropped" ? "the path drops trailers" : "trailers end the connection"}: ${evidence}`;
  // Every server accepts that, and content that is lost because the path has changed can be sent again.
  if (whole && failure === undefined) return send("header", `${why}; the digests are known beforehand`);
  if (support === undefined) return { step: "ask" };
  // A connection can end for other reasons. A server that is not known to understand these modes is not tried with them.
  if (trailers === "fatal" && failure !== undefined && !support.uploadResources) return giveUp(failure);
  if (whole) return send("header", `${why}; the digests are known beforehand`);
  if (support.uploadResources) return send("two-step", why);
  if (rereadable) return send("header", `${why}; the server has no upload resources, so the source is read twice`);
  return giveUp(
    new TrailsumError(
      "DIGEST_MISSING",
      `${situation.origin}: ${why}, the server has no upload resources, and the source can be read only once: write it to a file and upload that, or go around the hop that does this`,
      failure === undefined ? {} : { cause: failure },
    ),
  );
}

function send(mode: DeliveryMode, reason: string): DeliveryStep {
  return { step: "send", mode, reason };
}

function giveUp(error: TrailsumError): DeliveryStep {
  return { step: "give up", error };
}

function headerNeedsRereading({ origin }: DeliverySituation): TrailsumError {
  return new TrailsumError(
    "USAGE",
    `${origin}: with delivery "header" the source is read before it is sent, and this one can be read only once: use "two-step" or "trailers"`,
  );
}

function noUploadResources({ origin }: DeliverySituation): TrailsumError {
  return new TrailsumError(
    "NOT_SUPPORTED",
    `${origin}: has no upload resources, which delivery "two-step" needs: nothing was sent; use "trailers" or "header"`,
  );
}
