import type { Readable } from "node:stream";

import { FieldLines, type TrailerPolicy, type Verdict } from "@trailsum/shared";

import { separateHeader, type SeparatedHeader } from "../hop-by-hop.ts";
import { type ContentSource, InboundContent } from "../inbound/inbound-content.ts";
import type { OutboundContent } from "../origin/round-trip.ts";
import { isVerifiable, passingVerification, type VerificationMode, whenRead } from "../verification.ts";
import type { ContentOutline, InboundRequest } from "./inbound-request.ts";
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
  policy: PassingPolicy,
): PassingContent {
  const { content } = inbound;
  return source === undefined || content === undefined ? NO_CONTENT : new Passing(inbound, content, source, policy);
}

class Passing implements PassingContent {
  begun = false;
  verdict: Promise<Verdict> | undefined;
  readonly #inbound: InboundRequest;
  readonly #outline: ContentOutline;
  readonly #source: ContentSource;
  readonly #policy: PassingPolicy;
  readonly #separated: SeparatedHeader;

  constructor(inbound: InboundRequest, outline: ContentOutline, source: ContentSource, policy: PassingPolicy) {
    this.#inbound = inbound;
    this.#outline = outline;
    this.#source = source;
    this.#policy = policy;
    this.#separated = separateHeader(inbound.header);
  }

  outbound(): OutboundContent {
    const { header, expectsContinue } = this.#inbound;
    const { length, trailersPossible } = this.#outline;
    const { mode } = this.#policy;
    const verifies = mode !== "off" && isVerifiable({ header, trailersPossible });
    const { whole } = this.#source;
    if (whole !== undefined && !verifies && !expectsContinue) {
      // Without a length it came in chunks, and so it goes on, whether or not anything follows it.
      const trailers = this.#mayFollow ? this.#trailers : length === undefined ? noTrailers : undefined;
      return { body: whole, length, trailers, onSent: this.#begin };
    }
    const content = new InboundContent(this.#source, this.#begin);
    const body = verifies ? this.#verified(content, mode) : content;
    return { body, length, trailers: this.#mayFollow ? this.#trailers : undefined };
  }

  readonly #begin = (): void => {
    this.begun = true;
    this.#policy.onBegin();
  };

  /** Whether trailers may be sent: what is announced has to come, and what is not may, where the policy lets it through. */
  get #mayFollow(): boolean {
    const { policy } = this.#policy;
    if (!this.#outline.trailersPossible) return false;
    return policy.passesUndeclared || announcedTrailers(this.#inbound, policy, this.#separated).length > 0;
  }

  readonly #trailers = (): FieldLines => {
    const { declared, connection } = this.#separated;
    return this.#policy.policy.filter(this.#source.trailers, { declared, hopByHop: connection });
  };

  #verified(content: InboundContent, mode: "observe" | "enforce"): Readable {
    const message = {
      header: this.#inbound.header,
      trailersPossible: this.#outline.trailersPossible,
      trailers: () => this.#source.trailers,
    };
    const verification = passingVerification({ ...message, content: "whole" }, mode);
    this.verdict = verification.verdict;
    whenRead(content, verification);
    return verification;
  }
}

function noTrailers(): FieldLines {
  return FieldLines.empty;
}
