import type { InboundRequest } from "@trailsum/http/inbound";
import type { TrailsumError, Verdict } from "@trailsum/shared";

/** What became of one request: for an access log, and for whoever counts. */
export interface ExchangeRecord {
  readonly request: InboundRequest;
  /** The origin that was asked last. */
  origin: string | undefined;
  /** The status that the client was given; nothing where it got none. */
  status: number | undefined;
  /** Milliseconds from the request's head to the end of its response. */
  duration: number;
  /** What was found about the content of the request and of the response, where they were verified and arrived whole. */
  requestVerdict: Verdict | undefined;
  responseVerdict: Verdict | undefined;
  /** Why it failed, if it did. */
  error: TrailsumError | undefined;
}

/** A record that is just begun. */
export function beginRecord(request: InboundRequest): ExchangeRecord {
  return {
    request,
    origin: undefined,
    status: undefined,
    duration: 0,
    requestVerdict: undefined,
    responseVerdict: undefined,
    error: undefined,
  };
}
