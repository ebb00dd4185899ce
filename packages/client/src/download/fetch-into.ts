import { FieldLines, formatWantDigest, type Verdict, verdictError } from "@trailsum/shared";
import { type Dispatcher, request } from "undici";

import { type ArrivedContent, contentLength } from "./arrived-content.ts";
import { contentRange, strongTag } from "./content-range.ts";
import type { DownloadOptions, DownloadResult } from "./download.ts";
import { RangesUnavailable, receiveInRanges } from "./ranges/receive-in-ranges.ts";
import { rawFields } from "../dispatcher/request-fields.ts";
import { defaultDispatcher } from "../transfer/default-dispatcher.ts";
import { ProgressReport } from "../transfer/progress.ts";
import { type RateLimit, rateLimitOf } from "../transfer/rate-limit.ts";
import { type Hop, isForOneOrigin, Redirect, redirection } from "../transfer/redirects.ts";
import { refusal } from "../transfer/refusal.ts";
import { responseFields } from "../transfer/response-fields.ts";
import { transportError } from "../transfer/transport-error.ts";
import { userAgent } from "../transfer/user-agent.ts";

/** How content is fetched, over all attempts. */
export interface Fetching {
  readonly options: DownloadOptions;
  readonly dispatcher: Dispatcher;
  /** The fields that the caller gave. */
  readonly given: FieldLines;
  readonly limit: RateLimit | undefined;
  readonly jobs: number;
  readonly rangeSize: number;
  readonly progress: ProgressReport;
}

const RANGE_SIZE = 16 * 1024 * 1024;

/** How to fetch, as the options say. */
export function fetchingOf(options: DownloadOptions): Fetching {
  const {
    dispatcher = defaultDispatcher(),
    headers,
    jobs = 1,
    limitRate,
    onProgress,
    rangeSize = RANGE_SIZE,
  } = options;
  return {
    options,
    dispatcher,
    given: FieldLines.fromRaw(rawFields(headers)),
    limit: rateLimitOf(limitRate),
    jobs,
    rangeSize,
    progress: new ProgressReport(onProgress),
  };
}

/** The statuses of redirects that a GET follows (RFC 9110 section 15.4). */
const REDIRECTS = [301, 302, 303, 307, 308];

/** Whether a response may be asked for in ranges. */
type Way = "in ranges" | "in one stream";

/** One attempt at one URL: what the download came to, or where it is sent on to. */
export async function fetchInto(
  arrived: ArrivedContent,
  hop: Hop,
  fetching: Fetching,
  way: Way = "in ranges",
): Promise<DownloadResult | Redirect> {
  const { url, trusted } = hop;
  const { signal } = fetching.options;
  const given = fetching.given.without((name) => !trusted && isForOneOrigin(name));
  // A range that the caller asks for is all there is to come: then nothing is continued.
  const ownRange = given.has("Range");
  const continued = !ownRange && arrived.isContinuable(url);
  const inRanges = way === "in ranges" && fetching.jobs > 1 && !ownRange && arrived.destination.random !== undefined;
  const fields = downloadFields(arrived, given);
  if (continued) fetching.progress.enter("resuming");
  try {
    const response = await request(url, {
      dispatcher: fetching.dispatcher,
      headers: [...fields, ...(inRanges ? firstRange(arrived, continued, fetching) : continued ? arrived.range : [])],
      signal: signal ?? null,
    });
    try {
      const { statusCode: status } = response;
      const headers = responseFields(response.headers);
      const elsewhere = redirection(url, status, headers, REDIRECTS);
      if (elsewhere !== undefined) {
        await response.body.dump();
        return new Redirect(elsewhere);
      }
      if (continued && status === 206) {
        // A later run would be sent the same again: what has come is of no use with this server.
        if (!arrived.acceptRest(headers)) return await again("in one stream");
      } else if (inRanges && status === 206) {
        const complete = contentRange(headers)?.complete;
        if (complete === undefined || strongTag(headers) === undefined || !isVerifiableByRanges(headers))
          return await again("in one stream");
        await arrived.beginRanges(url, headers, complete);
      } else if (status === 200 || (ownRange && status === 206)) await arrived.begin(url, headers, status);
      // The content is complete; only its end marker was lost.
      else if (continued && status === 416 && arrived.isComplete) return await judged({ status, headers });
      else if ((continued || inRanges) && status === 416) return await again("in one stream");
      else throw await refusal(url, { status, headers, content: response.body });

      const content = { headers, body: response.body, trailers: () => responseFields(response.trailers) };
      if (!inRanges || status !== 206) await receive(response.body, arrived, headers, fetching);
      else await receiveInRanges(content, arrived, { url, fields, fetching });
      return await judged({ status, headers, trailers: content.trailers() });
    } finally {
      response.body.on("error", () => {}).destroy();
    }
  } catch (error) {
    if (error instanceof RangesUnavailable) return fetchInto(arrived, hop, fetching, "in one stream");
    throw transportError(error, url);
  }

  /** Content that must be verified may need the trailers of a complete response. */
  function isVerifiableByRanges(headers: FieldLines): boolean {
    const { checksum, require } = arrived.expectations;
    const isNeeded = require.length > 0 || fetching.options.allowUnverified === false;
    return !isNeeded || checksum.size > 0 || headers.has("Repr-Digest");
  }

  function again(how: Way): Promise<DownloadResult | Redirect> {
    arrived.forget();
    return fetchInto(arrived, hop, fetching, how);
  }

  /** What the download came to. A last answer without trailers is one that had nothing to add. */
  async function judged(
    last: Pick<DownloadResult, "status" | "headers"> & Partial<DownloadResult>,
  ): Promise<DownloadResult> {
    const { trailers } = last;
    const verdict = await arrived.verdict(trailers && last.headers, trailers);
    if (!isAcceptable(verdict, fetching.options)) throw verdictError(verdict);
    return { url: url.href, trailers: FieldLines.empty, ...last, verdict, unchanged: false };
  }
}

function downloadFields({ expectations }: ArrivedContent, given: FieldLines): string[] {
  const { checksum, supported, wanted } = expectations;
  const want = formatWantDigest(supported, [...wanted, ...checksum.keys()]);
  const own = FieldLines.from([
    ["User-Agent", userAgent],
    ["TE", "trailers"],
    ["Want-Repr-Digest", want],
    ["Want-Content-Digest", want],
  ]);
  return [...own.without((name) => given.has(name)).raw, ...given.raw];
}

/** The fields that ask for the first range of what is missing. */
function firstRange(arrived: ArrivedContent, continued: boolean, { rangeSize }: Fetching): string[] {
  const start = continued ? arrived.size : 0;
  return ["Range", `bytes=${start}-${start + rangeSize - 1}`, ...(continued ? ["If-Range", arrived.tag] : [])];
}

async function receive(
  body: AsyncIterable<Uint8Array>,
  arrived: ArrivedContent,
  headers: FieldLines,
  { limit, options, progress }: Fetching,
): Promise<void> {
  const length = contentLength(headers);
  const total = length === undefined ? undefined : arrived.size + length;
  for await (const chunk of body) {
    const taken = arrived.add(chunk);
    if (taken !== undefined) await taken;
    progress.transferred(arrived.size, total);
    await limit?.take(chunk.byteLength, options.signal);
  }
}

function isAcceptable({ name }: Verdict, { allowUnverified = true }: DownloadOptions): boolean {
  return name === "verified" || (name === "unverified" && allowUnverified);
}
