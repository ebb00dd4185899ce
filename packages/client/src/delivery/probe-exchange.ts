import { type FieldLines, parseProbeReport, type ProbeReport } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { responseFields } from "../transfer/response-fields.ts";

/** What came back of a probe. */
export interface ProbeExchange {
  readonly status: number;
  /** The version of HTTP between here and the first hop, where the dispatcher says it. */
  readonly httpVersion: string | undefined;
  /** The statuses of the interim responses. */
  readonly interim: readonly number[];
  /** Whether trailers came with the response. */
  readonly trailers: boolean;
  /** What the server received; undefined if no trailsum server has answered. */
  readonly report: ProbeReport | undefined;
}

/** The most content of a response that is read. Bytes: a report is shorter. */
const MAX_CONTENT = 16_384;

/** Sends a probe. Resolves when its response has ended; rejects when there is none. `onHead` is called when it begins. */
export function exchangeProbe(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  { signal, onHead }: { readonly signal: AbortSignal | undefined; readonly onHead?: () => void },
): Promise<ProbeExchange> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeExchange>();
  const interim: number[] = [];
  const content: Buffer[] = [];
  let status = 0;
  let size = 0;
  let controller: Dispatcher.DispatchController | undefined;
  const abort = (): void => controller?.abort(signal?.reason as Error);
  const end = (trailers: FieldLines): void => {
    const httpVersion = controller !== undefined && "httpVersion" in controller ? controller.httpVersion : undefined;
    resolve({
      status,
      httpVersion: typeof httpVersion === "string" ? httpVersion : undefined,
      interim,
      trailers: trailers.length > 0,
      report: status === 200 ? parseProbeReport(Buffer.concat(content).toString("utf8")) : undefined,
    });
  };
  dispatcher.dispatch(request, {
    onRequestStart(given) {
      controller = given;
      if (signal?.aborted === true) abort();
    },
    onResponseStart(_controller, given) {
      if (given < 200) interim.push(given);
      else {
        status = given;
        onHead?.();
      }
    },
    onResponseData(given, piece) {
      content.push(piece);
      size += piece.length;
      if (size > MAX_CONTENT) given.abort(new Error("the response is not a report"));
    },
    onResponseEnd: (_controller, trailers) => end(responseFields(trailers)),
    onResponseError: (_controller, error) => reject(error),
  });
  signal?.addEventListener("abort", abort);
  return promise.finally(() => signal?.removeEventListener("abort", abort));
}
