import { type Algorithm, FieldLines, formatWantDigest } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { type FieldsInit, rawFields } from "../dispatcher/request-fields.ts";
import { type ShortResponse, fetchShort } from "../transfer/short-response.ts";
import { followRedirects, type Hop, isForOneOrigin, Redirect, redirection } from "../transfer/redirects.ts";
import { refusal } from "../transfer/refusal.ts";
import { userAgent } from "../transfer/user-agent.ts";

/** Settings of {@link seeOther}. */
interface SeeOtherOptions {
  readonly dispatcher: Dispatcher;
  readonly headers: FieldsInit | undefined;
  readonly signal: AbortSignal | undefined;
  /** Whose digests are asked for: what is there may be the object that was stored. */
  readonly algorithms: readonly Algorithm[];
}

/**
 * Gets the result of an upload that was accepted with a 303 (RFC 9110 section 15.4.4). Of the caller's fields only
 * credentials and `Host` are sent. Rejects unless the response is a success.
 */
export async function seeOther(
  first: Hop,
  { dispatcher, headers, signal, algorithms }: SeeOtherOptions,
): Promise<ShortResponse> {
  const given = FieldLines.fromRaw(rawFields(headers)).without((name) => !isForOneOrigin(name));
  return followRedirects(first, async ({ url, trusted }) => {
    const request: Dispatcher.DispatchOptions = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: "GET",
      headers: [
        "User-Agent",
        userAgent,
        "Want-Repr-Digest",
        formatWantDigest(algorithms),
        ...(trusted ? given.raw : []),
      ],
    };
    const answer = await fetchShort(dispatcher, request, { signal });
    const elsewhere = redirection(url, answer.status, answer.headers, [301, 302, 303, 307, 308]);
    if (elsewhere !== undefined) return new Redirect(elsewhere);
    if (answer.status < 200 || answer.status >= 300)
      throw await refusal(url, { ...answer, content: answer.cut === undefined ? answer.content : [] });
    return answer;
  });
}
