import { FieldLines } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { isProblem, MAX_PROBLEM_BYTES } from "./refusal.ts";
import { responseFields } from "./response-fields.ts";

/** What a request was answered with. */
export interface Answer {
  readonly status: number;
  readonly headers: FieldLines;
  /** The content, as far as it was wanted. */
  readonly content: readonly Buffer[];
  /** Why its end did not come, where that went wrong. */
  readonly cut: Error | undefined;
}

/** How an answer is waited for. */
export interface Asking {
  /** How many bytes of content are wanted. What brings more is let go of, with its connection. */
  readonly wanted: (status: number, headers: FieldLines) => number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends a request whose answer is short, or of no interest beyond its head, and gives the answer once it has come to its
 * end. undici's `request` does more: it makes a stream of every answer, which takes as long as all else about a small one.
 */
export async function ask(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  asking: Asking,
): Promise<Answer> {
  const { signal } = asking;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const handler = new AnswerHandler(asking, resolve, reject);
  signal?.addEventListener("abort", handler.abort);
  try {
    dispatcher.dispatch(request, handler);
    return await promise;
  } finally {
    signal?.removeEventListener("abort", handler.abort);
  }
}

/** An answer whose content is not needed is read no further than this: then its connection is worth less. Bytes. */
const MAX_UNWANTED_BYTES = 131_072;

/** What is read of an answer: for the connection to be used again, or for what it says of a refusal. */
export function wantedBytes(status: number, headers: FieldLines): number {
  if (status < 400) return MAX_UNWANTED_BYTES;
  return isProblem(headers) ? MAX_PROBLEM_BYTES : 0;
}

class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #asking: Asking;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;
  readonly #content: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers = FieldLines.empty;
  /** Bytes of content that may still come. */
  #room = 0;

  constructor(asking: Asking, resolve: (answer: Answer) => void, reject: (error: Error) => void) {
    this.#asking = asking;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  readonly abort = (): void => this.#controller?.abort(this.#asking.signal?.reason);

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#asking.signal?.aborted === true) this.abort();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Parameters<typeof responseFields>[0],
  ): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = responseFields(headers);
    this.#room = this.#asking.wanted(status, this.#headers);
    if (this.#room === 0) this.#letGo(controller);
  }

  onResponseData(controller: Dispatcher.DispatchController, content: Buffer): void {
    this.#content.push(content);
    this.#room -= content.length;
    if (this.#room < 0) this.#letGo(controller);
  }

  onResponseEnd(): void {
    this.#answered();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#status === 0) this.#reject(error);
    else this.#answered(error);
  }

  #letGo(controller: Dispatcher.DispatchController): void {
    this.#answered();
    controller.abort(new Error("nobody wants the rest of the answer"));
  }

  #answered(cut?: Error): void {
    this.#resolve({ status: this.#status, headers: this.#headers, content: this.#content, cut });
  }
}
