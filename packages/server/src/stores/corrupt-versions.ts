import { TrailsumError } from "@trailsum/shared";

import type { ObjectVersion } from "./store.ts";

/** The most versions that are remembered. */
const MOST = 10_000;

/**
 * The versions of objects whose bytes were found to differ from their digests. The response that shows it can only be cut;
 * every later one says why.
 */
export class CorruptVersions {
  readonly #known = new Map<string, string>();

  /** Remembers a version. */
  add(path: string, version: ObjectVersion): void {
    this.#known.delete(path);
    this.#known.set(path, identify(version));
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Throws `STORED_BYTES_DIFFER` for a version that is remembered. */
  refuse(path: string, version: ObjectVersion): void {
    if (this.#known.get(path) !== identify(version)) return;
    throw new TrailsumError(
      "STORED_BYTES_DIFFER",
      "the stored content no longer matches its verified digest: store it again",
    );
  }
}

function identify({ size, modified, digests }: ObjectVersion): string {
  return [size, modified.getTime(), digests?.values.get("sha-256")?.toString("hex")].join(" ");
}
