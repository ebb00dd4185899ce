import { FieldLines } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { isProblem, MAX_PROBLEM_BYTES } from "./refusal.ts";
import { responseFields } from "./response-fields.ts";

/** The response to a request, with as much of its content as was asked for. */
export interface Answer {
  readonly status: number;
  readonly headers: FieldLines;
  /** The content, up to the limit that was asked for. */
  readonly content: readonly Buffer[];
  /** Why the content is incomplete; undefined if it is complete. */
  readonly cut: Error | undefined;
}

/** Settings of {@link ask}. */
export interface Asking {
  /** The most bytes of content to read. A longer response is aborted, together with its connection. */
  readonly wanted: (status: number, headers: FieldLines) => number;
  readonly signal: AbortSignal | undefined;
  /** Takes interim responses (1xx). */
  readonly onInterim?: ((status: number, headers: FieldLines) => void) | undefined;
}

/**
 * Sends a request whose response is short, or of interest only for its head. Resolves once the response has ended.
 * undici's `request` creates a stream for every response, which doubles the time of a small request.
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

/** Content that is not needed is read up to this size, to keep the connection. Bytes. */
const MAX_UNWANTED_BYTES = 131_072;

/** How much of a response to read: so that the connection can be used again, or for the reason of a refusal. */
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
    if (status < 200) {
      this.#asking.onInterim?.(status, responseFields(headers));
      return;
    }
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
    controller.abort(new Error("the rest of the response is not needed"));
  }

  #answered(cut?: Error): void {
    this.#resolve({ status: this.#status, headers: this.#headers, content: this.#content, cut });
  }
}
