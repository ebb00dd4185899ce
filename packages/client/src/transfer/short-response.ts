import { FieldLines } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { isProblem, MAX_PROBLEM_BYTES } from "./refusal.ts";
import { responseFields } from "./response-fields.ts";

/** A short response, or the beginning of a long one. */
export interface ShortResponse {
  /** Its final status. */
  readonly status: number;
  /** Its header section. */
  readonly headers: FieldLines;
  /** The content, up to the limit of {@link maxContent}. */
  readonly content: readonly Buffer[];
  /** Why the content is incomplete; undefined if it is complete. */
  readonly cut: Error | undefined;
}

/** Options of {@link fetchShort}. */
interface FetchShortOptions {
  /** Aborts the request. */
  readonly signal: AbortSignal | undefined;
  /** Takes interim responses (1xx). */
  readonly onInterim?: ((status: number, headers: FieldLines) => void) | undefined;
}

/**
 * Sends a request whose response is short, or of interest only for its head. Resolves once the response has ended. A
 * response that is longer than {@link maxContent} is aborted, together with its connection. undici's `request` creates a stream for every response, which doubles the time of a small request.
 */
export async function fetchShort(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  options: FetchShortOptions,
): Promise<ShortResponse> {
  const { signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<ShortResponse>();
  const handler = new ShortResponseHandler(options, resolve, reject);
  signal?.addEventListener("abort", handler.abort);
  try {
    dispatcher.dispatch(request, handler);
    return await promise;
  } finally {
    signal?.removeEventListener("abort", handler.abort);
  }
}

/** Content that is not needed is read up to this size, to keep the connection. Bytes. */
const MAX_UNUSED_BYTES = 131_072;

/** The most bytes of a response to read: to use the connection again, or for the reason of a refusal. */
function maxContent(status: number, headers: FieldLines): number {
  if (status < 400) return MAX_UNUSED_BYTES;
  return isProblem(headers) ? MAX_PROBLEM_BYTES : 0;
}

class ShortResponseHandler implements Dispatcher.DispatchHandler {
  readonly #options: FetchShortOptions;
  readonly #resolve: (answer: ShortResponse) => void;
  readonly #reject: (error: Error) => void;
  readonly #content: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers = FieldLines.empty;
  /** Bytes of content that may still come. */
  #room = 0;

  constructor(options: FetchShortOptions, resolve: (answer: ShortResponse) => void, reject: (error: Error) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  readonly abort = (): void => this.#controller?.abort(this.#options.signal?.reason);

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#options.signal?.aborted === true) this.abort();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Parameters<typeof responseFields>[0],
  ): void {
    if (status < 200) {
      this.#options.onInterim?.(status, responseFields(headers));
      return;
    }
    this.#status = status;
    this.#headers = responseFields(headers);
    this.#room = maxContent(status, this.#headers);
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
