import type { FileHandle } from "node:fs/promises";

/** A sign of life of this process: the modification time of a file that it holds open. */
export interface Heartbeat {
  /** Stops it. When this has resolved, the time of the file does not change any more. */
  stop(): Promise<void>;
}

/** Renews the modification time of a file every `interval` milliseconds, until it is stopped. */
export function startHeartbeat(file: FileHandle, interval: number): Heartbeat {
  let beat: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    const now = new Date();
    beat = file.utimes(now, now).catch(() => {});
  }, interval);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await beat;
    },
  };
}
