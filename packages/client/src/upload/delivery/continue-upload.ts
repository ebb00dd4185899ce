import { type FieldLine, redactedTarget, TrailsumError } from "@trailsum/shared";

import { ProgressReport } from "../../transfer/progress.ts";
import type { Redirect } from "../../transfer/redirects.ts";
import { refusal } from "../../transfer/refusal.ts";
import type { OpenedSource } from "../source/opened-source.ts";
import { contentInPieces } from "../upload-content.ts";
import { repeatedElsewhere, throwUnlessAccepted, type UploadOutcome } from "../upload-outcome.ts";
import {
  appendToUpload,
  askForUploadState,
  cancelUpload,
  creationFields,
  isUploadComplete,
  uploadOffset,
  namedUploadResource,
  type UploadResource,
} from "../upload-resource-requests.ts";
import type { Delivering } from "./delivering.ts";
import { completeStaged } from "./in-two-steps.ts";
import { sendContent } from "./send-content.ts";
import type { Attempt } from "./with-trailers.ts";

/**
 * Creates an upload resource without content, so that it is known before any is sent. Nothing on the way has to pass an
 * interim response for that. Returns the redirect to follow instead if the target answers with one.
 */
export async function createUploadResource(delivering: Delivering): Promise<UploadResource | Redirect> {
  const { hop, source } = delivering;
  const empty = { ...delivering, source: NOTHING, limit: undefined, progress: new ProgressReport(undefined) };
  const length: FieldLine[] = source.size === undefined ? [] : [["Upload-Length", String(source.size)]];
  const answer = await sendContent(empty, {
    fields: [...creationFields({ complete: false, interim: true }), ...length],
    trailers: false,
    digests: false,
    sending: { ended: false, asked: false },
  });
  const elsewhere = repeatedElsewhere(delivering, answer);
  if (elsewhere !== undefined) return elsewhere;
  await throwUnlessAccepted(hop.url, answer);
  const resource = namedUploadResource(hop, answer.headers);
  if (answer.status === 201 && resource !== undefined && isUploadComplete(answer.headers) === false) return resource;
  throw new TrailsumError(
    "PROTOCOL",
    `${redactedTarget(hop.url)}: answered ${answer.status}, and names no upload resource`,
  );
}

const NOTHING: OpenedSource = {
  size: 0,
  rereadable: true,
  whole: new Uint8Array(0),
  read: async function* none() {
    yield new Uint8Array(0);
  },
  close: async () => {},
};

/**
 * Continues an upload whose content the server has a part of. Undefined if nothing can be continued there.
 */
export async function continueUpload(
  delivering: Delivering,
  resource: UploadResource,
  appending: Appending,
): Promise<UploadOutcome | undefined> {
  delivering.progress.enter("resuming");
  const offset = await continuableOffset(delivering, resource);
  return offset === undefined ? undefined : appendRest(delivering, { ...resource, offset }, appending);
}

/** How content is appended. */
interface Appending {
  readonly attempt: Attempt;
  /** Whether the server may send interim responses: nginx 1.22 takes a 104 for the final response. */
  readonly interim: boolean;
}

/**
 * Reads and hashes the bytes before the offset of an upload resource, which the server has, appends the rest, and has the whole published if it has
 * the digest of the whole.
 */
export async function appendRest(
  delivering: Delivering,
  resource: UploadResource,
  { attempt: { sending }, interim }: Appending,
): Promise<UploadOutcome> {
  const { offset = 0 } = resource;
  const { ownDispatcher, source } = delivering;
  const content = contentInPieces(source, ownDispatcher, { ...delivering, sending, skip: offset });
  try {
    if (offset === source.size) await content.hash();
    else {
      const appended = { offset, complete: false, body: content.body, rereadable: true, interim };
      await throwUnlessAppended(delivering, await appendToUpload(resource, appended, delivering));
    }
    return await completeStaged(delivering, resource, await content.digests());
  } finally {
    content.close();
  }
}

/** How much of the content the server has; undefined if that cannot be continued. */
async function continuableOffset(delivering: Delivering, resource: UploadResource): Promise<number | undefined> {
  const { source } = delivering;
  try {
    const { offset, complete } = await askForUploadState(resource, delivering);
    if (!complete && source.size !== undefined && offset <= source.size) return offset;
    if (!complete) await cancelUpload(resource, delivering);
    return undefined;
  } catch (error) {
    // It has expired, or was completed and is forgotten.
    if (error instanceof TrailsumError && error.code === "REFUSED" && !isPassing(error.status)) return undefined;
    if (error instanceof TrailsumError && error.code === "PROTOCOL") return undefined;
    throw error;
  }
}

function isPassing(status = 0): boolean {
  return [401, 403, 408, 423, 429].includes(status) || status >= 500;
}

/**
 * A conflict means that the server has a different part by now, and a lock that it still waits for the request before: the
 * next attempt asks how much there is. So it does where less was stored than was sent.
 */
async function throwUnlessAppended(
  { hop: { url }, source }: Delivering,
  answer: Awaited<ReturnType<typeof appendToUpload>>,
): Promise<void> {
  const { status, headers } = answer;
  const stored = uploadOffset(headers);
  const accepted = status >= 200 && status < 300;
  if (accepted && (stored === undefined || stored === source.size)) return;
  if (accepted || status === 409)
    throw new TrailsumError("CONNECTION_LOST", `${redactedTarget(url)}: the server has another part of the content`);
  if (status === 423)
    throw new TrailsumError("CONNECTION_LOST", `${redactedTarget(url)}: the upload is locked by another request`);
  throw await refusal(url, { ...answer, content: answer.cut === undefined ? answer.content : [] });
}
