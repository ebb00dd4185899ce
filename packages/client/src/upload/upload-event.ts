import type { TransferOutcome } from "../transfer/observe-transfer.ts";
import type { UploadResult } from "./upload.ts";

/** What is published of an upload: the verdict is the server's, so it has none. */
export function uploadOutcome({ digests, delivery }: UploadResult): TransferOutcome {
  const { mode } = delivery;
  return { size: digests.size, verdict: undefined, mode: mode === "none" ? undefined : mode };
}
