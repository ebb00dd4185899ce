import { TrailsumError } from "@trailsum/shared";

import type { Log } from "../log/log.ts";
import type { Run } from "./process-run.ts";

/** Reads something again that may have changed, and returns what puts it into effect. Rejects for what cannot be used. */
export type Rereading = () => Promise<() => void>;

/**
 * Opens the log file again and reads everything again at each SIGHUP. When one of the files cannot be used, nothing that was read
 * has an effect: the log has the reason, and what was in use before stays in use.
 */
export function reloadOnHangup(run: Run, log: Log, rereadings: readonly Rereading[]): void {
  let running = Promise.resolve();
  const reload = async (): Promise<void> => {
    log.reopen();
    try {
      const effects = await Promise.all(rereadings.map((read) => read()));
      for (const putIntoEffect of effects) putIntoEffect();
      log.message("info", "reloaded certificates and credentials");
    } catch (error) {
      log.message("error", `not reloaded, nothing has changed: ${TrailsumError.from(error).message}`);
    }
  };
  run.onReload(() => {
    running = running.then(reload);
  });
}
