import { pipeline } from "node:stream/promises";

import { type Digests, TrailsumError, type Verdict } from "@trailsum/shared";

import { checkBeforeContent, commitCondition } from "./request/conditional-request.ts";
import { keptContentFields } from "./request/content-fields.ts";
import { earlyVerdict } from "./request/early-refusal.ts";
import { parseObjectPath } from "./stores/object-path.ts";
import { tooLarge } from "./request/request-body.ts";
import type { RequestHead } from "./request/request-head.ts";
import type { StagedObject, Store } from "./stores/store.ts";
import { refuseUnsupported } from "./request/unsupported-write.ts";
import { refuseUnsigned } from "./request/upload-signature.ts";
import { proceed, type UploadExchange } from "./upload-exchange.ts";
import { isAcceptable, type VerificationPolicy, verifyContent } from "./verify-request.ts";

/** Where an upload is stored, and what it must bring. */
export interface ReceivingOptions extends VerificationPolicy {
  readonly store: Store;
  /** Keeps content without digests for another request that sends them. Returns the id of the upload, if it is kept. */
  readonly keep: (
    upload: UploadExchange,
    path: string,
    staged: StagedObject,
    computed: Digests,
  ) => Promise<string | undefined>;
}

/** An upload that was stored. */
export interface StoredUpload {
  readonly path: string;
  readonly verdict: Verdict;
  /** Whether nothing was stored under its path before. */
  readonly created: boolean;
}

/** The outcome of an upload that arrived completely or was refused by its head: it was stored, or its verdict is bad. */
export type ReceivedUpload = StoredUpload | RefusedContent;

/** Content that its verdict refuses. */
export interface RefusedContent {
  readonly refused: Verdict;
  /** The id of the upload that holds it, where only digests were missing and it is kept. */
  readonly kept?: string | undefined;
}

/**
 * Receives PUT and POST: what the head decides, then the content into a stage, then the commit of what verified. Throws for
 * everything else that is refused or lost; none of its content is kept.
 */
export async function receiveUpload(upload: UploadExchange, options: ReceivingOptions): Promise<ReceivedUpload> {
  const { head, exchange } = upload;
  const { store, maxSize } = options;
  const path = uploadPath(head);
  refuseUnsupported(head);
  refuseByHead(head, maxSize);
  const early = earlyVerdict(head, options);
  // The digests of content that was already sent may have been lost with its trailers.
  const mayBeKept = early !== undefined && !exchange.request.expectsContinue && lacksOnlyDigests(early, head);
  if (early !== undefined && !mayBeKept) return { refused: early };
  if (early === undefined) refuseUnsigned(head, options);

  const condition = commitCondition(head);
  const staged = await store.stage(path, { size: head.size, fields: keptContentFields(head.header) });
  try {
    if (condition !== undefined) await checkBeforeContent(store, path, condition);
    proceed(upload);
    const verdict = await receiveContent(upload, staged, options);
    if (!isAcceptable(verdict, options)) {
      const isKept = lacksOnlyDigests(verdict, head);
      return {
        refused: verdict,
        kept: isKept ? await options.keep(upload, path, staged, verdict.computed) : undefined,
      };
    }
    const { created } = await staged.commit(verdict.computed, { condition, verified: verdict.name === "verified" });
    return { path, verdict, created };
  } finally {
    // Before the answer: a client that is refused may look at once whether anything was left.
    await staged.discard();
  }
}

/** The path of the object that a write names. Throws `PATH_INVALID` for a directory. */
export function uploadPath({ target }: RequestHead): string {
  const { path, directory } = parseObjectPath(target);
  if (!directory) return path;
  throw new TrailsumError(
    "PATH_INVALID",
    'a path that ends in "/" is a directory: add the name of the object to store',
  );
}

/** Whether the sender has digests that did not arrive: it announced them, or asks for those that it has (RFC 9530 section 4). */
function lacksOnlyDigests({ name }: Verdict, { header }: RequestHead): boolean {
  return name === "missing" || (name === "unverified" && header.has("Want-Repr-Digest"));
}

/** Refuses what need not be read to be refused. */
export function refuseByHead({ header, size }: RequestHead, maxSize: number = Number.POSITIVE_INFINITY): void {
  const unknown = header.list("Expect").find((member) => member.toLowerCase() !== "100-continue");
  if (unknown !== undefined) {
    throw new TrailsumError("EXPECTATION_FAILED", `${JSON.stringify(unknown)} cannot be met: expect only 100-continue`);
  }
  // RFC 9110 section 14.5: storing a part as if it were the whole would corrupt what is there.
  if (header.has("Content-Range")) {
    throw new TrailsumError("CONTENT_RANGE", "send the whole content, without Content-Range");
  }
  if (size !== undefined && size > maxSize) throw tooLarge(maxSize);
}

/** Reads the content into the stage. Returns its verdict, good or bad; rejects if it did not arrive whole or cannot be kept. */
async function receiveContent(
  { head, exchange }: UploadExchange,
  staged: StagedObject,
  options: ReceivingOptions,
): Promise<Verdict> {
  // What is kept has to be in the stage to its last byte.
  const isKept = (reached: Verdict): boolean => isAcceptable(reached, options) || lacksOnlyDigests(reached, head);
  const message = { head, content: exchange.content };
  const { body, verdict } = verifyContent(message, { ...options, record: ["sha-256"] }, isKept);
  try {
    await pipeline(body, staged.content);
  } catch (error) {
    // A bad verdict is an error of the body, too. Anything else happened before there was one, or in the store.
    const reached = await verdict.catch(() => undefined);
    if (reached === undefined || isKept(reached)) throw error;
  }
  return verdict;
}
