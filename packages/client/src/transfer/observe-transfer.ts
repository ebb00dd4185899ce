import { diagnostics, redactedTarget, TrailsumError, type TransferMessage } from "@trailsum/shared";

const { transferStart, transferEnd } = diagnostics;

/** What a result says of a transfer. */
export type TransferOutcome = Pick<TransferMessage, "size" | "verdict" | "mode">;

/** Runs a transfer, and publishes its start and its end if anything subscribes to them. */
export function observeTransfer<Result>(
  direction: TransferMessage["direction"],
  url: string | URL,
  { run, outcomeOf }: { readonly run: () => Promise<Result>; readonly outcomeOf: (result: Result) => TransferOutcome },
): Promise<Result> {
  if (!transferStart.hasSubscribers && !transferEnd.hasSubscribers) return run();
  return published(direction, url, { run, outcomeOf });
}

async function published<Result>(
  direction: TransferMessage["direction"],
  url: string | URL,
  { run, outcomeOf }: { readonly run: () => Promise<Result>; readonly outcomeOf: (result: Result) => TransferOutcome },
): Promise<Result> {
  const began = performance.now();
  const nothing: TransferOutcome & Pick<TransferMessage, "error"> = {
    size: 0,
    verdict: undefined,
    mode: undefined,
    error: undefined,
  };
  const message: TransferMessage = { direction, url: redactedTarget(url), time: new Date(), duration: 0, ...nothing };
  transferStart.publish(message);
  try {
    const result = await run();
    Object.assign(message, outcomeOf(result));
    return result;
  } catch (error) {
    Object.assign(message, { error: TrailsumError.from(error) });
    throw error;
  } finally {
    transferEnd.publish(Object.assign(message, { duration: performance.now() - began }));
  }
}
