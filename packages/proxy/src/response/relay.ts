import { pipeline, Readable } from "node:stream";

import { checkSendable, clientGoneError, type InboundExchange, type OutgoingHead } from "@trailsum/http/inbound";
import { giveBack } from "@trailsum/http/transport";
import { FieldLines, isTrailerName, type TrailerPolicy, TrailsumError } from "@trailsum/shared";

import { publishDropped } from "../dropped-trailers.ts";
import { type SeparatedHeader, trailerContext } from "../hop-by-hop.ts";
import type { Verification } from "../verification.ts";
import type { OriginResponse, WholeContent } from "./origin-response.ts";
import type { ProxyResponse } from "./proxy-response.ts";

/** How content goes from the origin to the client. */
export interface RelayOptions {
  readonly head: OutgoingHead;
  /** The origin's header, taken apart. */
  readonly separated: SeparatedHeader;
  readonly policy: TrailerPolicy;
  /** What is done about the digests of the content, if anything is. */
  readonly verification: Verification | undefined;
  /** Whether no other code got the content in transit from the origin, so that its memory may be used again. */
  readonly exclusive: boolean;
}

/**
 * Relays a response: its head, its content and then its trailers, as fast as the client takes them. Settles when
 * the system has accepted all of it, and rejects when it was aborted: the response then has no end, and must be given
 * none.
 */
export function relay(
  response: OriginResponse,
  exchange: InboundExchange,
  outgoing: ProxyResponse,
  options: RelayOptions,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const finish = (trailers: FieldLines): void => {
    try {
      if (exchange.status === undefined) exchange.head(options.head);
      exchange.end(passedTrailers(trailers, outgoing, options));
      exchange.whenSent(resolve, reject);
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const { head, verification, exclusive } = options;
  const direct = verification === undefined && outgoing.transform === undefined;
  if (direct && exclusive) exchange.onReleased = giveBack;
  // Of empty content the head is the whole: where it is verified, it waits for the verdict.
  if (verification === undefined || head.length !== "0") exchange.head(head);
  if (direct) {
    response.consume(directSink(response, exchange, { finish, reject }));
    return promise;
  }
  const whole = outgoing.transform === undefined ? response.whole : undefined;
  if (verification !== undefined && whole !== undefined) judged(whole, exchange, verification).then(finish, reject);
  else throughStreams(response, exchange, { outgoing, options, finish, reject });
  return promise;
}

interface Outcome {
  readonly finish: (trailers: FieldLines) => void;
  readonly reject: (error: Error) => void;
}

/** From one connection to the other with nothing in between. */
function directSink(
  response: OriginResponse,
  exchange: InboundExchange,
  { finish, reject }: Outcome,
): Parameters<OriginResponse["consume"]>[0] {
  exchange.onDrain = () => response.resume();
  return { onContent: (piece) => exchange.write(piece), onEnd: finish, onError: reject };
}

/** Verifies complete content without a stream. */
async function judged(
  { content, trailers }: WholeContent,
  exchange: InboundExchange,
  verification: Verification,
): Promise<FieldLines> {
  for await (const piece of verification.pass(content, trailers)) exchange.write(piece);
  return trailers;
}

/** Through what looks at the content, or changes it. */
function throughStreams(
  response: OriginResponse,
  exchange: InboundExchange,
  { outgoing, options, finish, reject }: Outcome & { outgoing: ProxyResponse; options: RelayOptions },
): void {
  let trailers = FieldLines.empty;
  const source = readable(response, (received) => {
    trailers = received;
  });
  const stages = [source, options.verification?.stream(() => trailers), outgoing.transform].filter(
    (stage) => stage !== undefined,
  );
  const last = stages.at(-1)!;
  // The origin may have sent all by now: then nothing else would end the waiting for a client that is gone.
  const { onGone } = exchange;
  exchange.onGone = () => {
    last.destroy(clientGoneError());
    onGone?.();
  };
  pipeline(stages as [Readable, NodeJS.ReadWriteStream], (error) => {
    if (error) reject(error);
  });
  // The pipeline looks away when all has been written to the last stage, and not when all has been read from it.
  last.on("error", reject);
  exchange.onDrain = () => void last.resume();
  last.on("data", (piece: Buffer) => {
    if (!exchange.write(piece)) last.pause();
  });
  last.on("end", () => finish(trailers));
}

/** A response's content as a stream. */
function readable(response: OriginResponse, onTrailers: (trailers: FieldLines) => void): Readable {
  let begun = false;
  return new Readable({
    read() {
      if (begun) {
        response.resume();
        return;
      }
      begun = true;
      response.consume({
        onContent: (piece) => this.push(piece),
        onEnd: (trailers) => {
          onTrailers(trailers);
          this.push(null);
        },
        onError: (error) => this.destroy(error),
      });
    },
    destroy(error, done) {
      response.abandon(error ?? new TrailsumError("ABORTED", "the content was abandoned before its end"));
      done(error);
    },
  });
}

/** A trailer section longer than allowed aborts the response. */
function passedTrailers(
  trailers: FieldLines,
  outgoing: ProxyResponse,
  { head, policy, separated }: RelayOptions,
): FieldLines {
  const allowed = trailers.length === 0 ? trailers : policy.filter(trailers, trailerContext(separated));
  const passed = publishDropped("response", trailers, head.trailers ? allowed : FieldLines.empty);
  if (!head.trailers) return passed;
  if (outgoing.trailers === undefined) return passed;
  // What a hook adds is held to the same rule.
  const changed = outgoing.trailers(passed).without((name) => !isTrailerName(name));
  for (const [name, value] of changed) checkSendable(name, value);
  return changed;
}
