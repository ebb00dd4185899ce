import { clientGoneError, type InboundExchange } from "@trailsum/http/inbound";
import { FieldLines } from "@trailsum/shared";

import type { ExchangeOutcome } from "./exchange-outcome.ts";
import { separateHeader } from "./hop-by-hop.ts";
import type { RoundTrip, RoundTripObserver } from "./origin/round-trip.ts";
import type { UpstreamAttempt } from "./upstream/upstreams.ts";
import type { AdmittedRequest } from "./request/admitted-request.ts";
import type { ContentWatcher } from "./request/outbound-content.ts";
import type { Verification } from "./verification.ts";

/** One exchange that the proxy forwards, with its state until the response has ended. */
export class ProxiedExchange implements RoundTripObserver, ContentWatcher {
  readonly exchange: InboundExchange;
  readonly outcome: ExchangeOutcome;
  /** Whether the origin gets the client's `Expect: 100-continue`. */
  readonly expectContinue: boolean;
  /** Whether the response counts as begun, though its head may still wait for the verdict on its content. */
  begun = false;
  /** Its request as it is forwarded. */
  admitted: AdmittedRequest;
  /** What is done about the digests of the response. */
  verification: Verification | undefined;
  /** Whether the client has been sent a 100: it is sent one and no more. */
  #continued = false;
  #trip: Pick<RoundTrip<unknown>, "abort"> | undefined;
  #attempt: UpstreamAttempt | undefined;

  /** `capable` where what sends the request can send an expectation. */
  constructor(exchange: InboundExchange, outcome: ExchangeOutcome, capable: boolean) {
    this.exchange = exchange;
    this.admitted = exchange;
    this.outcome = outcome;
    const { expectsContinue, upgrade } = exchange.request;
    this.expectContinue = expectsContinue && upgrade === undefined && capable;
    exchange.onGone = () => this.#trip?.abort(clientGoneError());
  }

  /** Its exchange with an origin: given up when the client goes away. */
  follow(trip: Pick<RoundTrip<unknown>, "abort">): void {
    this.#trip = trip;
    if (this.exchange.gone) this.exchange.onGone?.();
  }

  /** It is at this target now, and at no other. */
  hold(attempt: UpstreamAttempt): void {
    this.#attempt?.end();
    this.#attempt = attempt;
  }

  /** The request has been sent, or an answer has begun: the target can be connected to. */
  onReached(): void {
    this.#attempt?.reached();
  }

  /** Relays an interim response. */
  onInterim(status: number, header: FieldLines): void {
    if (status === 100 && this.#continued) return;
    this.#continued ||= status === 100;
    this.exchange.interim(status, interimFields(header));
  }

  /** Lets the content come: the origin has asked for it, or has not and it is sent all the same. */
  onContentBegun(): void {
    if (this.exchange.request.expectsContinue) this.onInterim(100, FieldLines.empty);
  }

  end(): void {
    this.#attempt?.end();
    this.exchange.onGone = undefined;
    this.exchange.onDrain = undefined;
  }
}

/** The fields of an interim response (RFC 9110 section 15.2) without those that were for this hop. */
function interimFields(header: FieldLines): FieldLines {
  return header.length === 0 ? header : FieldLines.owning(separateHeader(header, isFraming).endToEnd);
}

function isFraming(name: string): boolean {
  return name === "content-length";
}
