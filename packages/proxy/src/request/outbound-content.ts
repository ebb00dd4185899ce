import type { Readable } from "node:stream";

import { type ContentOutline, type ContentSource, InboundContent, type InboundRequest } from "@trailsum/http/inbound";
import { giveBack } from "@trailsum/http/transport";
import { algorithmsWanted, FieldLines, type TrailerContext, type TrailerPolicy, type Verdict } from "@trailsum/shared";

import { publishDropped } from "../dropped-trailers.ts";
import { trailerContextOf } from "../hop-by-hop.ts";
import {
  isVerifiable,
  type VerifiableMessage,
  Verification,
  type VerificationMode,
  whenRead,
} from "../verification.ts";
import { enclosedContent } from "./enclosed-content.ts";
import { NO_OUTBOUND_BODY, type OutboundBody } from "./outbound-body.ts";
import type { AdmittedRequest } from "./admitted-request.ts";
import { announcedTrailers } from "./outbound-request.ts";
import { ReplayBuffer } from "./replay-buffer.ts";

/** The content of a request that is sent to an origin. */
export interface OutboundContent {
  /** Its content, from the beginning, for one more attempt. Only while it is `repeatable`. */
  open(): OutboundBody;
  /** Whether some content may have been read. */
  readonly begun: boolean;
  /** Whether it can be given from its beginning: nothing was read, or all that was read is kept. */
  readonly repeatable: boolean;
  /** Keeps nothing for another attempt: the request has reached an origin that answers it. */
  release(): void;
  /** Its verdict, where it is verified on the way; rejects when it did not arrive whole. */
  readonly verdict: Promise<Verdict> | undefined;
}

/** How content is relayed. */
export interface RelayPolicy {
  readonly trailers: TrailerPolicy;
  readonly mode: VerificationMode;
  /** How much content is kept to send a request again. Bytes. */
  readonly replayBuffer: number;
  /** Whether no other code gets the content in transit to the origin, so that its memory may be used again. */
  readonly exclusive: boolean;
}

/** Observes when content is first read. */
export interface ContentWatcher {
  onContentBegun(): void;
}

const NO_CONTENT: OutboundContent = {
  open: () => NO_OUTBOUND_BODY,
  begun: false,
  repeatable: true,
  release() {},
  verdict: undefined,
};

/** The content of a request, from where it comes in. */
export function outboundContent(
  { request, content, verifiable }: AdmittedRequest,
  policy: RelayPolicy,
  watcher: ContentWatcher,
): OutboundContent {
  if (content === undefined || request.content === undefined) return NO_CONTENT;
  return new RelayedContent(request, request.content, { source: content, policy, watcher, verifiable });
}

interface RelayedContentOptions {
  readonly source: ContentSource;
  readonly policy: RelayPolicy;
  readonly watcher: ContentWatcher;
  readonly verifiable: VerifiableMessage | undefined;
}

class RelayedContent implements OutboundContent {
  begun = false;
  readonly #inbound: InboundRequest;
  readonly #outline: ContentOutline;
  readonly #source: ContentSource;
  readonly #policy: RelayPolicy;
  readonly #watcher: ContentWatcher;
  #context: TrailerContext | undefined;
  readonly #verification: Verification | undefined;
  /** The complete content, if it has arrived already. */
  readonly #whole: Buffer | undefined;
  readonly #replay: ReplayBuffer;

  constructor(
    inbound: InboundRequest,
    outline: ContentOutline,
    { source, policy, watcher, verifiable }: RelayedContentOptions,
  ) {
    this.#inbound = inbound;
    this.#outline = outline;
    this.#source = source;
    this.#policy = policy;
    this.#watcher = watcher;
    if (verifiable !== undefined) this.#verification = new Verification(verifiable, "enforce");
    else if (policy.mode !== "off") this.#verification = verificationOf(inbound, outline, policy.mode);
    this.#whole = inbound.expectsContinue ? undefined : source.whole;
    this.#replay = new ReplayBuffer(source, policy.replayBuffer);
  }

  get verdict(): Promise<Verdict> | undefined {
    return this.#verification?.verdict;
  }

  get repeatable(): boolean {
    return this.#whole !== undefined || this.#replay.complete;
  }

  release(): void {
    this.#replay.release();
  }

  open(): OutboundBody {
    const { length } = this.#outline;
    if (this.#whole !== undefined) {
      // Without a length it came in chunks, and it is forwarded in chunks, with trailers or without.
      const trailers = this.#mayFollow ? this.#trailers : length === undefined ? noTrailers : undefined;
      if (this.#verification === undefined) return { body: this.#whole, length, trailers, onSent: this.#begin };
      return { body: this.#judged(this.#whole, this.#verification), length, trailers };
    }
    const content = new InboundContent(this.#replay.open(), this.#begin);
    const body = this.#verification === undefined ? content : this.#verified(content, this.#verification);
    const finishes = this.#source.outlivesResponse === true;
    const onReleased = this.#verification === undefined && this.#policy.exclusive ? giveBack : undefined;
    return { body, finishes, length, onReleased, trailers: this.#mayFollow ? this.#trailers : undefined };
  }

  readonly #begin = (): void => {
    this.begun = true;
    this.#watcher.onContentBegun();
  };

  /** Whether trailers may be sent: what is announced has to come, and what is not may, where the policy lets it through. */
  get #mayFollow(): boolean {
    const { trailers: policy } = this.#policy;
    const { trailersPossible, length } = this.#outline;
    if (!trailersPossible) return false;
    if (policy.passesUndeclared && (length === undefined || policy.undeclaredOverLength)) return true;
    return announcedTrailers(this.#inbound, policy, this.#trailerContext).length > 0;
  }

  readonly #trailers = (): FieldLines => {
    const { trailers } = this.#source;
    if (trailers.length === 0) return trailers;
    return publishDropped("request", trailers, this.#policy.trailers.filter(trailers, this.#trailerContext));
  };

  get #trailerContext(): TrailerContext {
    return (this.#context ??= trailerContextOf(this.#inbound.header));
  }

  async *#judged(whole: Buffer, verification: Verification): AsyncGenerator<Buffer, void, void> {
    this.#begin();
    yield* verification.pass(whole, this.#source.trailers);
  }

  #verified(content: InboundContent, verification: Verification): Readable {
    const stream = verification.stream(() => this.#source.trailers);
    whenRead(content, stream);
    return stream;
  }
}

function noTrailers(): FieldLines {
  return FieldLines.empty;
}

/** How content is verified that nothing but the mode asks to verify: not at all where nothing can come to verify it by. */
function verificationOf(
  inbound: InboundRequest,
  { trailersPossible }: ContentOutline,
  mode: "observe" | "enforce",
): Verification | undefined {
  const { header } = inbound;
  const message = { header, trailersPossible, content: enclosedContent(inbound), hints: algorithmsWanted(header) };
  return isVerifiable(message) ? new Verification(message, mode) : undefined;
}
