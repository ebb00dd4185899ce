import { type FieldLines, type TrailerPolicy, type Verdict } from "@trailsum/shared";

import { connectionOptions } from "../hop-by-hop.ts";
import { InboundContent } from "./inbound-content.ts";
import { hasContent, type InboundRequest } from "./inbound-request.ts";
import { announcedTrailers } from "./outbound-request.ts";
import type { OutboundContent } from "../origin/round-trip.ts";
import { isVerifiable, passingVerification, type VerificationMode, whenRead } from "../verification.ts";

/** The content of a request on its way to an origin. */
export interface PassingContent {
  /** Its content for another attempt. Only as long as it has not begun. */
  outbound(): OutboundContent;
  /** Whether any of it may have been read. */
  readonly begun: boolean;
  /** Its verdict, where it is verified on the way; rejects when it did not arrive whole. */
  readonly verdict: Promise<Verdict> | undefined;
}

const NOTHING: OutboundContent = { body: null, length: undefined, trailers: undefined };

/** The content of a request; `onBegin` is called when it is first read. */
export function passingContent(
  inbound: InboundRequest,
  {
    policy,
    mode,
    onBegin,
  }: { readonly policy: TrailerPolicy; readonly mode: VerificationMode; readonly onBegin: () => void },
): PassingContent {
  if (!hasContent(inbound)) return { outbound: () => NOTHING, begun: false, verdict: undefined };
  const { header, message } = inbound;
  const chunked = header.has("Transfer-Encoding");
  let content: InboundContent | undefined;
  let verdict: Promise<Verdict> | undefined;

  const trailers = (): FieldLines =>
    policy.filter(content!.trailers, { declared: header.list("Trailer"), hopByHop: connectionOptions(header) });

  return {
    outbound() {
      content = new InboundContent(message, onBegin);
      let body: OutboundContent["body"] = content;
      if (mode !== "off" && isVerifiable(header)) {
        const current = content;
        const verification = passingVerification({ header, trailers: () => current.trailers, content: "whole" }, mode);
        verdict = verification.verdict;
        whenRead(content, verification);
        body = verification;
      }
      const length = chunked ? undefined : Number(header.get("Content-Length"));
      // What is announced has to come; what is not may, where the policy lets it through.
      const mayFollow = chunked && (policy.passesUndeclared || announcedTrailers(inbound, policy).length > 0);
      return { body, length, trailers: mayFollow ? trailers : undefined };
    },
    get begun() {
      return content?.begun === true;
    },
    get verdict() {
      return verdict;
    },
  };
}
