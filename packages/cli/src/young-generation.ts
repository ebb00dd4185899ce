import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8's young generation as small as it is, in a command that moves content: what passes through is garbage at once,
 * and tens of mebibytes of it are kept while there is room. To be called when everything is loaded: all that is loaded
 * stays, and where there is little room it is copied several times.
 */
export function limitYoungGeneration(): void {
  // The only one of V8's settings of its size that it still looks at once it runs.
  setFlagsFromString("--semi-space-growth-factor=1");
}
