import type { FileVersion } from "@trailsum/files";

import type { UploadResource } from "../upload-resource-requests.ts";
import { readUploadState, removeUploadState, stateFile, writeUploadState } from "./upload-state.ts";

/** What it takes to continue an upload that was cut off: by another attempt, or by a later run. */
export interface Resumption {
  /** The upload resource that may have some of the content. */
  readonly resource: UploadResource | undefined;
  /** Notes the upload resource that the server has named. */
  note(resource: UploadResource): void;
  /** Nothing is to be continued any more. */
  forget(): Promise<void>;
  /** Resolves when what was noted has been kept. */
  settled(): Promise<void>;
}

/** A resumption within one call. */
export function resumptionInMemory(): Resumption {
  let resource: UploadResource | undefined;
  return {
    get resource() {
      return resource;
    },
    note(named) {
      resource = named;
    },
    async forget() {
      resource = undefined;
    },
    async settled() {},
  };
}

/**
 * A resumption over several runs, which keeps a small file in `directory` for each source and target. What is kept of
 * another version of the source is left aside.
 */
export async function resumptionInFiles(
  directory: string,
  source: { readonly path: string; readonly version: FileVersion },
  target: URL,
): Promise<Resumption> {
  const file = stateFile(directory, source.path, target);
  let resource = await readUploadState(file, source, target);
  let kept: Promise<void> = Promise.resolve();
  const after = (step: () => Promise<void>): void => {
    // A run that cannot keep its state cannot be continued by a later run, but can finish itself.
    kept = kept.then(step).catch(() => {});
  };
  return {
    get resource() {
      return resource;
    },
    note(named) {
      const isKnown = named.hop.url.href === resource?.hop.url.href;
      resource = named;
      if (!isKnown) after(() => writeUploadState(file, source, target, named));
    },
    async forget() {
      resource = undefined;
      after(() => removeUploadState(file));
      await kept;
    },
    settled: () => kept,
  };
}
