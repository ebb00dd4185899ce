import { FieldLines, parseProbeReport, probeMediaType, type ProbeReport } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { responseFields } from "../../transfer/response-fields.ts";

/**
 * What happened to a 104 of the server: it came as it was sent, came as the head of a final response, which it is not
 * (nginx does not know the status), or did not come.
 */
export type InterimPassage = "kept" | "rewritten" | "dropped";

/** What came back of a probe. */
export interface ProbeExchange {
  readonly status: number;
  /** The header fields of the response. */
  readonly headers: FieldLines;
  /** The version of HTTP between here and the first hop, where the dispatcher says it. */
  readonly httpVersion: string | undefined;
  /** Whether a 100 came. */
  readonly continued: boolean;
  /** What happened to the 104 that the server sends to those who ask for it. */
  readonly interim: InterimPassage;
  /** Whether trailers came with the response. */
  readonly trailers: boolean;
  /** What the server received; undefined if no trailsum server has answered. */
  readonly report: ProbeReport | undefined;
}

/** The most content of a response that is read. Bytes: a report is shorter. */
const MAX_CONTENT = 16_384;

/**
 * Sends a probe. Resolves when its response has ended; rejects without a response. `onHead` is called when it begins. A
 * response that is not a report is aborted, together with its connection over HTTP/1.1: a server that has left the content
 * unread would parse it as the next request.
 */
export function exchangeProbe(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  { signal, onHead }: { readonly signal: AbortSignal | undefined; readonly onHead?: () => void },
): Promise<ProbeExchange> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeExchange>();
  let continued = false;
  let interim: InterimPassage = "dropped";
  const content: Buffer[] = [];
  let status = 0;
  let headers = FieldLines.empty;
  let size = 0;
  let controller: Dispatcher.DispatchController | undefined;
  const abort = (): void => controller?.abort(signal?.reason as Error);
  const end = (trailers: FieldLines): void => {
    const httpVersion = controller !== undefined && "httpVersion" in controller ? controller.httpVersion : undefined;
    resolve({
      status,
      headers,
      httpVersion: typeof httpVersion === "string" ? httpVersion : undefined,
      continued,
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
    onResponseStart(responding, given, fields) {
      if (given === 100) continued = true;
      // Only a final response says what happens to the connection.
      if (given === 104) interim = responseFields(fields).has("Connection") ? "rewritten" : "kept";
      if (given < 200) return;
      status = given;
      headers = responseFields(fields);
      onHead?.();
      if (status === 200 && headers.get("Content-Type") === probeMediaType) return;
      end(FieldLines.empty);
      responding.abort(new Error("the response is not a report"));
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
