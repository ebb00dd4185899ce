import { type MessageLimits, type ResponseHead, ResponseReader, type ResponseSink } from "@trailsum/http/http1";

import { responseError } from "../../src/dispatcher/http1/response-error.ts";

/** The head of a response, as one reader or the other reported it. */
interface HeadRead {
  readonly status: number;
  readonly reason: string;
  readonly raw: readonly string[];
}

/** What a reader made of some bytes. */
export interface Reading {
  interims: HeadRead[];
  head: HeadRead | undefined;
  body: Buffer;
  /** The raw trailers, once the message is complete, and undefined for a message that never was. */
  trailers: readonly string[] | undefined;
}

/** What our reader made of some bytes, and what it had against them. */
export interface OurReading extends Reading {
  error: (Error & { code?: string }) | undefined;
}

const LIMITS: MessageLimits = { maxHeaderSize: 16_384, maxFields: 1_000, maxTrailerSize: 16_384 };

/**
 * How our reader reads `pieces` as the response to `method`, when the connection ends after them. Where `pauses` says
 * so, the sink pauses on what it is given, and resumes before the next piece arrives.
 */
export function readByUs(pieces: readonly Buffer[], method: string, pauses: () => boolean = () => false): OurReading {
  const collector = new Collector(pauses);
  const reader = new ResponseReader(collector, LIMITS);
  collector.reader = reader;
  reader.expect(method, false);
  const { reading } = collector;
  try {
    for (const piece of pieces) {
      collector.resume();
      reader.read(piece);
    }
    collector.resume();
    reader.end(true);
  } catch (error) {
    reading.error = responseError(error);
  }
  reading.body = Buffer.concat(collector.content);
  return reading;
}

class Collector implements ResponseSink {
  readonly reading: OurReading = {
    interims: [],
    head: undefined,
    body: Buffer.alloc(0),
    trailers: undefined,
    error: undefined,
  };
  readonly content: Buffer[] = [];
  reader: ResponseReader | undefined;
  readonly #pauses: () => boolean;
  #paused = false;

  constructor(pauses: () => boolean) {
    this.#pauses = pauses;
  }

  onInterim({ status, reason, raw }: ResponseHead): void {
    this.reading.interims.push({ status, reason, raw });
    this.#pause();
  }

  onHead({ status, reason, raw }: ResponseHead): void {
    if (this.reading.head !== undefined) throw new Error("a second final head");
    this.reading.head = { status, reason, raw };
    this.#pause();
  }

  onContent(content: Buffer): void {
    if (this.#paused) throw new Error("content while paused");
    if (content.length === 0) throw new Error("content of no bytes");
    // What is read lies in a buffer of the socket: a sink that keeps it longer than the call still sees it.
    this.content.push(content);
    this.#pause();
  }

  onComplete(trailers: string[]): void {
    if (this.reading.trailers !== undefined) throw new Error("completed twice");
    this.reading.trailers = trailers;
    this.#paused = false;
  }

  onSwitch(): void {
    throw new Error("an unsolicited switch");
  }

  /** Resumes until the sink takes all there is. */
  resume(): void {
    while (this.#paused) {
      this.#paused = false;
      this.reader!.resume();
    }
  }

  #pause(): void {
    if (!this.#pauses()) return;
    this.#paused = true;
    this.reader!.pause();
  }
}
