import type { RequestHead } from "../../src/http1/request-head.ts";
import type { MessageLimits } from "../../src/http1/message-reader.ts";
import { RequestReader, type RequestSink } from "../../src/http1/request-reader.ts";

/** A request as one reader or the other reported it. */
export interface RequestRead {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly raw: readonly string[];
  body: string;
  /** The raw trailers, once the request is complete, and undefined for one that never was. */
  trailers: readonly string[] | undefined;
}

/** What our reader made of some bytes, and what it had against them. */
export interface OurReading {
  readonly requests: RequestRead[];
  readonly heads: RequestHead[];
  error: (Error & { status?: number }) | undefined;
}

export const LIMITS: MessageLimits = { maxHeaderSize: 16_384, maxFields: 1_000, maxTrailerSize: 16_384 };

/**
 * How our reader reads `pieces`, when the connection ends after them. Where `pauses` says so, the sink pauses on what it
 * is given, and resumes before the next piece arrives; and it takes its time over what is complete.
 */
export function readByUs(
  pieces: readonly Buffer[],
  pauses: () => boolean = () => false,
  limits: MessageLimits = LIMITS,
): OurReading {
  const collector = new Collector(pauses, limits);
  const { reading } = collector;
  try {
    for (const piece of pieces) {
      collector.reader.read(piece);
      collector.goOn();
    }
    collector.reader.end();
    collector.goOn();
  } catch (error) {
    reading.error = error as Error;
  }
  return reading;
}

class Collector implements RequestSink {
  readonly reading: OurReading = { requests: [], heads: [], error: undefined };
  readonly reader: RequestReader;
  readonly #pauses: () => boolean;
  #held: "paused" | "complete" | undefined;

  constructor(pauses: () => boolean, limits: MessageLimits) {
    this.reader = new RequestReader(this, limits);
    this.#pauses = pauses;
  }

  onHead(head: RequestHead): void {
    const { method, target, version, raw } = head;
    this.#expectGoing();
    this.reading.heads.push(head);
    this.reading.requests.push({ method, target, version, raw, body: "", trailers: undefined });
    this.#pause();
  }

  onContent(content: Buffer): void {
    this.#expectGoing();
    if (content.length === 0) throw new Error("content of no bytes");
    this.#last.body += content.toString("latin1");
    this.#pause();
  }

  onComplete(trailers: string[]): void {
    if (this.#last.trailers !== undefined) throw new Error("completed twice");
    this.#last.trailers = trailers;
    this.#held = "complete";
    // From within, as for an answer that is there at once, or later.
    if (!this.#pauses()) this.#release();
  }

  /** Resumes until the reader has read all there is. */
  goOn(): void {
    while (this.#held !== undefined) this.#release();
  }

  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === "paused") this.reader.resume();
    else this.reader.next();
  }

  #pause(): void {
    if (!this.#pauses()) return;
    this.#held = "paused";
    this.reader.pause();
  }

  #expectGoing(): void {
    if (this.#held !== undefined) throw new Error("something while it was held");
  }

  get #last(): RequestRead {
    return this.reading.requests.at(-1)!;
  }
}
