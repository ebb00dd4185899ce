import { type Digests, type Receipt, TrailsumError } from "@trailsum/shared";

import { nextHop, Redirect } from "../../transfer/redirects.ts";
import { transportError } from "../../transfer/transport-error.ts";
import type { Resumption } from "../resume/resumption.ts";
import type { UploadOutcome } from "../upload-outcome.ts";
import {
  askForUploadState,
  cancelUpload,
  type UploadResource,
  type UploadSupport,
} from "../upload-resource-requests.ts";
import { appendRest, continueUpload, createUploadResource } from "./continue-upload.ts";
import type { Delivering } from "./delivering.ts";
import type { Delivery, DeliveryChoice, DeliveryMode } from "./delivery-mode.ts";
import { deliverInHeader } from "./in-header.ts";
import { completeStaged, deliverInTwoSteps } from "./in-two-steps.ts";
import type { PathKnowledge, TrailerPassage } from "./path-knowledge.ts";
import { type DeliverySituation, planDelivery } from "./plan-delivery.ts";
import { type ProbedPath, probePath } from "./probe-path.ts";
import { askForSupport, knownSupport } from "./server-support.ts";
import { type Attempt, deliverWithTrailers } from "./with-trailers.ts";

/** An upload that was delivered. */
export interface Delivered extends UploadOutcome {
  /** How the digests reached the server, and why in that way. */
  readonly delivery: Delivery;
}

/**
 * Delivers an upload to one URL: finds out what has to be known, sends the content in the mode that follows, and recovers
 * from what a hop did to its trailers. Returns the outcome, or the redirect to follow.
 */
export async function deliver(
  delivering: Delivering,
  asked: DeliveryChoice,
  paths: PathKnowledge,
): Promise<Delivered | Redirect> {
  const { hop, source, dispatcher } = delivering;
  const situation: Situation = {
    asked,
    origin: hop.url.origin,
    rereadable: source.rereadable,
    whole: source.whole !== undefined,
    trailers: (asked === "auto" ? paths.get(hop.url.origin) : undefined) ?? "unknown",
    evidence: "seen before",
    support: knownSupport(hop, dispatcher),
    failure: undefined,
  };
  const { resumption } = delivering;
  if (resumption !== undefined) {
    situation.support ??= await support(delivering, situation);
    const resumed = await deliverResumably(delivering, resumption, situation.support);
    if (resumed !== undefined) return resumed;
  }
  for (let attempts = 1; ;) {
    const plan = planDelivery(situation);
    switch (plan.step) {
      case "give up":
        throw plan.error;
      case "ask":
        situation.support = await support(delivering, situation);
        break;
      case "probe": {
        const { passage, ...found } = await probed(delivering);
        if (passage !== "unclear") paths.set(situation.origin, passage);
        Object.assign(situation, { ...found, trailers: passage });
        break;
      }
      case "send": {
        const sent = await attemptDelivery(plan, delivering, situation, paths);
        if (sent instanceof Redirect) return sent;
        if ("outcome" in sent) return { ...sent.outcome, delivery: { mode: sent.mode, reason: sent.reason, attempts } };
        Object.assign(situation, { trailers: sent.trailers, evidence: "seen in this upload", failure: sent.failure });
        attempts += 1;
      }
    }
  }
}

/**
 * Delivers an upload by an upload resource, which another attempt can continue: one that an earlier attempt has made, or a
 * new one. Undefined if the server has none.
 */
async function deliverResumably(
  delivering: Delivering,
  resumption: Resumption,
  { uploadResources, probe }: UploadSupport,
): Promise<Delivered | Redirect | undefined> {
  const attempt: Attempt = { sending: { ended: false, asked: false }, resource: undefined, answered: false };
  // Only a trailsum server has a place to probe.
  const appending = { attempt, interim: probe === undefined };
  try {
    const { resource } = resumption;
    // An earlier run may have been redirected to where it was created.
    const target = resource && { ...delivering, hop: nextHop(delivering.hop, resource.target) };
    const outcome = target && (await continueUpload(target, resource, appending));
    if (outcome !== undefined) return { ...outcome, delivery: { mode: "two-step", reason: CONTINUED, attempts: 1 } };
    await resumption.forget();
    if (!uploadResources) return undefined;
    const created = await createUploadResource(delivering);
    if (created instanceof Redirect) return created;
    resumption.note(created);
    const sent = await appendRest(delivering, created, appending);
    return { ...sent, delivery: { mode: "two-step", reason: CONTINUABLE, attempts: 1 } };
  } catch (error) {
    throw failureOf(error, attempt, delivering);
  }
}

const CONTINUED = "an upload that was cut off was continued";
const CONTINUABLE = "so that it can be continued if it is cut off";

/** What is known, while more becomes known. */
type Situation = { -readonly [Key in keyof DeliverySituation]: DeliverySituation[Key] };

/** An attempt that delivered the upload, or one that lost its trailers: then the content can be sent again. */
type Attempted =
  | { readonly outcome: UploadOutcome; readonly mode: DeliveryMode; readonly reason: string }
  | { readonly trailers: "dropped" | "fatal"; readonly failure: TrailsumError };

/** Sends the content once. What has lost its trailers and was kept by the server is completed. */
async function attemptDelivery(
  { mode, reason }: { readonly mode: DeliveryMode; readonly reason: string },
  delivering: Delivering,
  situation: DeliverySituation,
  paths: PathKnowledge,
): Promise<Attempted | Redirect> {
  const { asked, origin, trailers: known, rereadable } = situation;
  const attempt: Attempt = { sending: { ended: false, asked: false }, resource: undefined, answered: false };
  try {
    const outcome = await send(mode, delivering, attempt, situation);
    if (outcome instanceof Redirect) return outcome;
    if (asked === "auto") remember(paths, situation, mode, outcome.receipt);
    return { outcome, mode, reason };
  } catch (thrown) {
    const failure = failureOf(thrown, attempt, delivering);
    const trailers = asked === "auto" && mode === "trailers" ? trailersWere(failure, attempt) : undefined;
    if (trailers === undefined) {
      // The rest of the response is not needed, and the connection may still be usable.
      const givenUp = failure.code === "ABORTED" || attempt.sending.error !== undefined;
      if (givenUp && attempt.resource !== undefined) await cancelUpload(attempt.resource, delivering);
      throw failure;
    }
    const { sent } = attempt.sending;
    const resource = await completable(attempt.resource, sent, delivering);
    if (resource !== undefined && sent !== undefined) {
      const outcome = await completeStaged(delivering, resource, sent);
      paths.set(origin, trailers);
      return { outcome, mode: "two-step", reason: rescue(trailers) };
    }
    // What was seen once will be again: a pipe that was lost is not lost a second time.
    if (trailers === "dropped") paths.set(origin, trailers);
    else if (known === "kept") paths.set(origin, undefined);
    if (!rereadable) throw failure;
    return { trailers, failure };
  }
}

function send(
  mode: DeliveryMode,
  delivering: Delivering,
  attempt: Attempt,
  { asked, support: { uploadResources, probe } = { uploadResources: false, probe: undefined } }: DeliverySituation,
): Promise<UploadOutcome | Redirect> {
  switch (mode) {
    case "trailers":
      // A source that can be read again needs no upload resource to be delivered in the end.
      return deliverWithTrailers(delivering, attempt, {
        resumable: asked === "auto" && uploadResources && !delivering.source.rereadable,
      });
    case "header":
      return deliverInHeader(delivering, attempt);
    case "two-step":
      // Only a trailsum server has a place to probe.
      return deliverInTwoSteps(delivering, attempt, { interim: probe === undefined });
  }
}

/** What the server supports. After a failure it may not even be there any more: then the failure counts. */
async function support(
  delivering: Delivering,
  { failure }: DeliverySituation,
): Promise<NonNullable<DeliverySituation["support"]>> {
  try {
    return await askForSupport(delivering.hop, delivering);
  } catch (error) {
    throw failure ?? failureOf(error, undefined, delivering);
  }
}

async function probed(delivering: Delivering): Promise<ProbedPath> {
  try {
    return await probePath(delivering.hop, delivering);
  } catch (error) {
    throw failureOf(error, undefined, delivering);
  }
}

/** The error to report: of a transfer that was cancelled, of its source, or of the request. */
function failureOf(thrown: unknown, attempt: Attempt | undefined, { hop, signal }: Delivering): TrailsumError {
  if (signal?.aborted === true) return new TrailsumError("ABORTED", "the upload was cancelled", { cause: thrown });
  // An error of the source is the cause, even if the connection failed as a consequence.
  return transportError(attempt?.sending.error ?? thrown, hop.url);
}

/**
 * What a failure reveals about the trailers; undefined if it reveals nothing. A connection that ends once all
 * of the content was sent, without an answer, may have ended at the trailers.
 */
function trailersWere({ code }: TrailsumError, { sending, answered }: Attempt): "dropped" | "fatal" | undefined {
  if (!sending.asked || sending.error !== undefined) return undefined;
  // A hop may drop their announcement, too: then the server knows of no digest.
  if (code === "DIGEST_MISSING" || code === "DIGEST_UNVERIFIED") return "dropped";
  return !answered && (code === "CONNECTION_LOST" || code === "PROTOCOL") ? "fatal" : undefined;
}

/** The upload resource, if it has all of the content and has not been completed. */
async function completable(
  resource: UploadResource | undefined,
  sent: Digests | undefined,
  delivering: Delivering,
): Promise<UploadResource | undefined> {
  if (resource === undefined || sent === undefined) return undefined;
  if (resource.offset === sent.size) return resource;
  const state = await askForUploadState(resource, delivering).catch(() => undefined);
  return state !== undefined && !state.complete && state.offset === sent.size ? resource : undefined;
}

function rescue(passage: "dropped" | "fatal"): string {
  return passage === "dropped"
    ? "the path dropped the trailers of this upload: the server kept the content, and a second request completed it"
    : "the connection ended at the trailers: the server kept the content, and a second request completed it";
}

/** Learns from an upload that succeeded. Only a trailsum server says by what it was verified. */
function remember(
  paths: PathKnowledge,
  { origin, trailers, failure }: DeliverySituation,
  mode: DeliveryMode,
  receipt: Receipt | undefined,
): void {
  const learned: TrailerPassage | undefined =
    mode === "trailers" && receipt?.verdict === "verified"
      ? "kept"
      : trailers === "fatal" && failure !== undefined
        ? "fatal"
        : undefined;
  if (learned !== undefined && learned !== paths.get(origin)) paths.set(origin, learned);
}
