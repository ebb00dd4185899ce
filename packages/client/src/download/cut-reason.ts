import type { TrailsumError } from "@trailsum/shared";
import { request } from "undici";

import { refusal } from "../transfer/refusal.ts";
import { isForOneOrigin } from "../transfer/redirects.ts";
import { responseFields } from "../transfer/response-fields.ts";
import type { ArrivedContent } from "./arrived-content.ts";
import type { Fetching } from "./fetch-into.ts";

/** How long to wait for the reason of a cut, in milliseconds. It only explains a failure that is certain already. */
const PATIENCE = 10_000;

/**
 * The reason why a response was cut. A server that finds, while it sends an object, that the bytes no longer match their
 * digest can only cut the response; it answers a later request with the reason. So a request for one byte follows the cut
 * of a response that stated a digest of the whole. Returns `failure` itself if nothing more can be found out.
 */
export async function cutReason(
  failure: TrailsumError,
  { begun, expectations }: ArrivedContent,
  { dispatcher, given, options }: Fetching,
): Promise<TrailsumError> {
  if (failure.code !== "CONNECTION_LOST" || begun === undefined || !begun.header.has("Repr-Digest")) return failure;
  const { url } = begun;
  const trusted = url.origin === expectations.target.origin;
  const fields = given.without((name) => (!trusted && isForOneOrigin(name)) || name.toLowerCase() === "range");
  const limits = [AbortSignal.timeout(PATIENCE), ...(options.signal === undefined ? [] : [options.signal])];
  try {
    const response = await request(url, {
      dispatcher,
      headers: [...fields.raw, "Range", "bytes=0-0"],
      signal: AbortSignal.any(limits),
    });
    try {
      const { statusCode: status, headers, body: content } = response;
      if (status < 400) return failure;
      const reason = await refusal(url, { status, headers: responseFields(headers), content });
      return reason.code === "STORED_BYTES_DIFFER" ? reason : failure;
    } finally {
      response.body.on("error", () => {}).destroy();
    }
  } catch {
    return failure;
  }
}
