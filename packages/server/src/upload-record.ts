import { redactedTarget, type TrailsumError, type Verdict } from "@trailsum/shared";

import type { UploadExchange } from "./upload-exchange.ts";
import type { UploadLogger } from "./upload-resource.ts";

/** What became of one write, for {@link UploadHooks}. It holds no credentials. */
export interface UploadRecord {
  /** The method, as it stood on the wire. */
  readonly method: string;
  /** The request target; the values in its query are replaced. */
  readonly target: string;
  /** The address of the peer, which may be a proxy. */
  readonly remoteAddress: string | undefined;
  /** The path under which it was stored; undefined if it was refused. */
  readonly path?: string | undefined;
  /** Whether nothing was stored under the path before; undefined if it was refused. */
  readonly created?: boolean | undefined;
  /** The verdict, with size and digests as computed here; undefined if the content did not arrive whole. */
  readonly verdict?: Verdict | undefined;
  /** Why it was refused, or how it was lost; undefined if it was stored. */
  readonly error?: TrailsumError | undefined;
}

/** Functions that learn what became of writes. What they throw is logged, and changes nothing. */
export interface UploadHooks {
  /**
   * Called after an upload was stored and before it is answered. A promise is waited for: a client that gets the answer
   * knows that the hook has ended.
   * @default nothing is called
   */
  readonly onStored?: ((record: UploadRecord) => unknown) | undefined;
  /**
   * Called when a write is refused for any reason, or lost on the way.
   * @default nothing is called
   */
  readonly onRefused?: ((record: UploadRecord) => unknown) | undefined;
}

/** Calls a hook with a record, and waits for it. Never rejects. */
export async function report(
  hook: UploadHooks["onStored"],
  { head, exchange }: UploadExchange,
  outcome: Pick<UploadRecord, "path" | "created" | "verdict" | "error">,
  logger: UploadLogger | undefined,
): Promise<void> {
  if (hook === undefined) return;
  try {
    const { remoteAddress } = exchange.request;
    await hook({ method: head.method, target: redactedTarget(head.target), remoteAddress, ...outcome });
  } catch (error) {
    logger?.error("a hook for uploads failed", error);
  }
}
