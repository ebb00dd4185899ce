import { redactedTarget, type TrailsumError } from "@trailsum/shared";
import { request } from "undici";

import type { ArrivedContent } from "../arrived-content.ts";
import { contentRange, strongTag } from "../content-range.ts";
import type { Fetching } from "../fetch-into.ts";
import { refusal } from "../../transfer/refusal.ts";
import { responseFields } from "../../transfer/response-fields.ts";
import { withRetries } from "../../transfer/retry.ts";
import { transportError } from "../../transfer/transport-error.ts";
import { type PartialContent, type RangeSink, receiveRange } from "./range-content.ts";
import { planRanges, type Range } from "./range-plan.ts";

/** The server does not give the ranges of one version: everything has to come in one stream. */
export class RangesUnavailable extends Error {}

/** Where ranges are asked for, and how. */
export interface RangeRequests {
  readonly url: URL;
  /** The fields of each request, apart from those that name the range. */
  readonly fields: readonly string[];
  readonly fetching: Fetching;
}

/**
 * Receives the rest of a representation in ranges, several at a time. `first` is the response with the first of them.
 * Ranges are fetched in order, so that the hash can follow them: the part before the first gap is hashed, and is what
 * another attempt continues. All must be of one version, under its strong tag; throws {@link RangesUnavailable} otherwise.
 */
export async function receiveInRanges(
  first: PartialContent,
  arrived: ArrivedContent,
  requests: RangeRequests,
): Promise<void> {
  const { fetching, url } = requests;
  const { limit, options, progress } = fetching;
  const random = arrived.destination.random!;
  const total = arrived.total;
  const range = contentRange(first.headers);
  if (total === undefined || range?.start !== arrived.size || range.end > total)
    throw new RangesUnavailable("another range than the one asked for");
  const plan = [{ start: range.start, end: range.end }, ...planRanges(range.end, total, fetching.rangeSize)];
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal === undefined ? [] : [options.signal])]);

  let transferred = arrived.size;
  const sinkOf = (): { sink: RangeSink; takeBack: () => void } => {
    let taken = 0;
    return {
      sink: async (chunk, position) => {
        await random.write(chunk, position);
        taken += chunk.byteLength;
        progress.transferred((transferred += chunk.byteLength), total);
        await limit?.take(chunk.byteLength, signal);
      },
      takeBack: () => {
        transferred -= taken;
        taken = 0;
      },
    };
  };

  const fetched = plan.map(() => Promise.withResolvers<void>());
  // The loop that hashes awaits them one after the other.
  for (const { promise } of fetched) promise.catch(() => {});
  let next = 0;
  const job = async (): Promise<void> => {
    for (let at = next++; at < plan.length && !signal.aborted; at = next++) {
      const { sink, takeBack } = sinkOf();
      const onRetry = (): void => progress.enter("retrying");
      const retrying = { retries: options.retries ?? 0, repeatable: () => !signal.aborted, signal, onRetry };
      await withRetries(retrying, (attempt) => {
        takeBack();
        return at === 0 && attempt === 0
          ? receiveRange(first, plan[0]!, sink)
          : fetchRange(plan[at]!, arrived.tag, requests, { sink, signal });
      });
      fetched[at]!.resolve();
    }
  };
  const hash = async (): Promise<void> => {
    for (const [at, { start, end }] of plan.entries()) {
      await fetched[at]!.promise;
      for await (const chunk of random.read(start, end)) await arrived.addWritten(chunk);
      await random.settle(end);
    }
  };
  const running = [hash(), ...Array.from({ length: Math.min(fetching.jobs, plan.length) }, job)];
  try {
    await Promise.all(running);
  } catch (error) {
    stop.abort();
    for (const { reject } of fetched) reject(error);
    await Promise.allSettled(running);
    await random.trim(arrived.size);
    throw error instanceof RangesUnavailable ? error : transportError(error, url);
  }
}

async function fetchRange(
  range: Range,
  tag: string,
  { url, fields, fetching }: RangeRequests,
  { sink, signal }: { readonly sink: RangeSink; readonly signal: AbortSignal },
): Promise<void> {
  const response = await request(url, {
    dispatcher: fetching.dispatcher,
    headers: [...fields, "Range", `bytes=${range.start}-${range.end - 1}`, "If-Match", tag],
    signal,
  }).catch((error: unknown) => {
    throw transportError(error, url);
  });
  try {
    const headers = responseFields(response.headers);
    const { statusCode: status } = response;
    if (status === 206) {
      const given = contentRange(headers);
      if (given?.start !== range.start || given.end !== range.end || strongTag(headers) !== tag)
        throw new RangesUnavailable(`${redactedTarget(url)}: another range than the one asked for`);
      const content = { headers, body: response.body, trailers: () => responseFields(response.trailers) };
      await receiveRange(content, range, sink).catch((error: unknown): TrailsumError => {
        throw transportError(error, url);
      });
      return;
    }
    // The object changed, it is redirected elsewhere now, or the server gives ranges no longer.
    if (status < 400 || status === 412 || status === 416)
      throw new RangesUnavailable(`${redactedTarget(url)}: answered a range with ${status}`);
    throw await refusal(url, { status, headers, content: response.body });
  } finally {
    response.body.on("error", () => {}).destroy();
  }
}
