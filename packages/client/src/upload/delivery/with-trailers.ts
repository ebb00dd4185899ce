import { digestTrailerNames, type FieldLine, signatureFieldNames, TrailsumError } from "@trailsum/shared";

import type { Redirect } from "../../transfer/redirects.ts";
import type { Sending } from "../upload-content.ts";
import { repeatedElsewhere, type UploadOutcome, uploadOutcome } from "../upload-outcome.ts";
import { creationFields, namedUploadResource, type UploadResource } from "../upload-resource-requests.ts";
import type { Delivering } from "./delivering.ts";
import { sendContent } from "./send-content.ts";

/** An attempt, and what is needed to recover from its failure. */
export interface Attempt {
  readonly sending: Sending;
  /** The upload resource that the server has named for it. */
  resource: UploadResource | undefined;
  /** Whether a final response has come. */
  answered: boolean;
}

/**
 * Sends the content, followed by its digests as trailers. With `resumable`, which a server must be known to understand,
 * the server is asked to name an upload resource for the case that the request is cut off.
 */
export async function deliverWithTrailers(
  delivering: Delivering,
  attempt: Attempt,
  { resumable }: { readonly resumable: boolean },
): Promise<UploadOutcome | Redirect> {
  const { hop, algorithms, signing } = delivering;
  const { sending } = attempt;
  const announced: FieldLine[] = [
    ["TE", "trailers"],
    ["Trailer", [...digestTrailerNames(algorithms), ...(signing ? signatureFieldNames : [])].join(", ")],
  ];
  const answer = await sendContent(delivering, {
    fields: resumable ? [...announced, ...creationFields({ complete: true, interim: true })] : announced,
    trailers: true,
    digests: true,
    sending,
    onInterim(status, headers) {
      if (status === RESUMPTION_SUPPORTED) attempt.resource = namedUploadResource(hop, headers) ?? attempt.resource;
    },
  });
  attempt.answered = true;
  const elsewhere = repeatedElsewhere(delivering, answer);
  if (elsewhere !== undefined) return elsewhere;
  if (answer.status >= 400) attempt.resource = namedUploadResource(hop, answer.headers) ?? attempt.resource;
  try {
    return await uploadOutcome(delivering, answer, sending.sent);
  } catch (error) {
    throw lacksTrailers(sending, error) ? noTrailers(hop.url) : error;
  }
}

/** Upload Resumption Supported (draft-ietf-httpbis-resumable-upload section 5.1). */
const RESUMPTION_SUPPORTED = 104;

/** A dispatcher that sent all of the content and never asked for the trailers has dropped them: the network has not. */
function lacksTrailers({ ended, asked, sent }: Sending, error: unknown): boolean {
  if (!ended || asked || !(error instanceof TrailsumError)) return false;
  return error.code.startsWith("DIGEST_") || (sent === undefined && error.code === "PROTOCOL");
}

function noTrailers({ origin }: URL): TrailsumError {
  return new TrailsumError("USAGE", `${origin}: the dispatcher did not send the trailers: use a TrailerAgent`);
}
