import { type Digests, type FieldLines, redactedTarget, TrailsumError } from "@trailsum/shared";

import type { Redirect } from "../../transfer/redirects.ts";
import { withRetries } from "../../transfer/retry.ts";
import { transportError } from "../../transfer/transport-error.ts";
import { completionSignature } from "../signing.ts";
import { repeatedElsewhere, throwUnlessAccepted, type UploadOutcome, uploadOutcome } from "../upload-outcome.ts";
import {
  cancelUpload,
  completeUpload,
  creationFields,
  isUploadComplete,
  namedUploadResource,
  type UploadResource,
} from "../upload-resource-requests.ts";
import type { Delivering } from "./delivering.ts";
import { sendContent } from "./send-content.ts";
import type { Attempt } from "./with-trailers.ts";

/**
 * Sends the content to be staged, and then its digests in the header of a second request, which publishes it. The server
 * must be known to have upload resources: any other would store the content without having verified it. Without `interim`
 * it is asked for no interim response: nginx 1.22 takes a 104 for the final response.
 */
export async function deliverInTwoSteps(
  delivering: Delivering,
  { sending }: Attempt,
  { interim }: { readonly interim: boolean },
): Promise<UploadOutcome | Redirect> {
  const { hop } = delivering;
  const answer = await sendContent(delivering, {
    fields: creationFields({ complete: false, interim }),
    trailers: false,
    digests: false,
    sending,
  });
  const elsewhere = repeatedElsewhere(delivering, answer);
  if (elsewhere !== undefined) return elsewhere;
  await throwUnlessAccepted(hop.url, answer);
  const resource = namedUploadResource(hop, answer.headers);
  if (answer.status !== 201 || resource === undefined || isUploadComplete(answer.headers) !== false)
    throw notStaged(hop.url, answer.status);
  const { sent } = sending;
  if (sent === undefined || (resource.offset ?? sent.size) !== sent.size) {
    await cancelUpload(resource, delivering);
    throw otherSize(hop.url, resource.offset, sent);
  }
  return completeStaged(delivering, resource, sent);
}

/**
 * Completes an upload whose content the server has: it verifies and publishes it. The second request needs no source, and
 * is repeated after a transient failure whether or not that can be read again.
 */
export async function completeStaged(
  delivering: Delivering,
  resource: UploadResource,
  sent: Digests,
): Promise<UploadOutcome> {
  const { retries, signal, hop, signing, progress } = delivering;
  const sign =
    signing &&
    ((header: FieldLines) => completionSignature({ hop: resource.hop, method: "PATCH", header }, delivering, signing));
  const onRetry = (): void => progress.enter("retrying");
  return withRetries({ retries, repeatable: () => true, signal, onRetry }, async () => {
    try {
      const answer = await completeUpload(resource, sent, delivering, sign);
      return await uploadOutcome(delivering, answer, sent, resource.hop);
    } catch (error) {
      throw transportError(error, hop.url);
    }
  });
}

function notStaged(url: URL, status: number): TrailsumError {
  return new TrailsumError(
    "PROTOCOL",
    `${redactedTarget(url)}: the server answered ${status} without an upload resource: the content may be stored there, unverified`,
    { status },
  );
}

function otherSize(url: URL, offset: number | undefined, sent: Digests | undefined): TrailsumError {
  return new TrailsumError(
    "SIZE_MISMATCHED",
    `${redactedTarget(url)}: the server has ${offset ?? "an unknown number of"} bytes in place of ${sent?.size ?? "all of them"}`,
  );
}
