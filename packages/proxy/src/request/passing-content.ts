import { FieldLines, type TrailerPolicy, type Verdict } from "@trailsum/shared";

import { separateHeader } from "../hop-by-hop.ts";
import { type ContentSource, InboundContent } from "../inbound/inbound-content.ts";
import type { OutboundContent } from "../origin/round-trip.ts";
import { isVerifiable, passingVerification, type VerificationMode, whenRead } from "../verification.ts";
import type { InboundRequest } from "./inbound-request.ts";
import { announcedTrailers } from "./outbound-request.ts";

/** The content of a request on its way to an origin. */
export interface PassingContent {
  /** Its content for another attempt. Only as long as it has not begun. */
  outbound(): OutboundContent;
  /** Whether any of it may have been read. */
  readonly begun: boolean;
  /** Its verdict, where it is verified on the way; rejects when it did not arrive whole. */
  readonly verdict: Promise<Verdict> | undefined;
}

/** What content is passed on under. */
export interface PassingPolicy {
  readonly policy: TrailerPolicy;
  readonly mode: VerificationMode;
  /** Called when the content is first read. */
  readonly onBegin: () => void;
}

const NOTHING: OutboundContent = { body: null, length: undefined, trailers: undefined };
const NO_CONTENT: PassingContent = { outbound: () => NOTHING, begun: false, verdict: undefined };

/** The content of a request, from where it comes in. */
export function passingContent(
  inbound: InboundRequest,
  source: ContentSource | undefined,
  { policy, mode, onBegin }: PassingPolicy,
): PassingContent {
  const { header, content: outline } = inbound;
  if (source === undefined || outline === undefined) return NO_CONTENT;
  const { length, trailersPossible } = outline;
  const separated = separateHeader(header);
  let begun = false;
  let verdict: Promise<Verdict> | undefined;

  const begin = (): void => {
    begun = true;
    onBegin();
  };
  const trailers = (): FieldLines =>
    policy.filter(source.trailers, { declared: separated.declared, hopByHop: separated.connection });
  // What is announced has to come; what is not may, where the policy lets it through.
  const mayFollow =
    trailersPossible && (policy.passesUndeclared || announcedTrailers(inbound, policy, separated).length > 0);

  return {
    outbound() {
      const verifiable = mode !== "off" && isVerifiable({ header, trailersPossible });
      if (source.whole !== undefined && !verifiable && !inbound.expectsContinue) {
        // Without a length it came in chunks, and so it goes on, whether or not anything follows it.
        const behind = mayFollow ? trailers : length === undefined ? () => FieldLines.empty : undefined;
        return { body: source.whole, length, trailers: behind, onSent: begin };
      }
      const content = new InboundContent(source, begin);
      let body: OutboundContent["body"] = content;
      if (verifiable) {
        const message = { header, trailersPossible, trailers: () => source.trailers };
        const verification = passingVerification({ ...message, content: "whole" }, mode);
        verdict = verification.verdict;
        whenRead(content, verification);
        body = verification;
      }
      return { body, length, trailers: mayFollow ? trailers : undefined };
    },
    get begun() {
      return begun;
    },
    get verdict() {
      return verdict;
    },
  };
}
