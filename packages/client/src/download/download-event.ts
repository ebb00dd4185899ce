import { deliveryMode } from "@trailsum/shared";

import type { TransferOutcome } from "../transfer/observe-transfer.ts";
import type { DownloadResult } from "./download.ts";

/** What is published of a download. */
export function downloadOutcome({ verdict }: DownloadResult): TransferOutcome {
  return { size: verdict.computed.size, verdict, mode: deliveryMode(verdict) };
}
