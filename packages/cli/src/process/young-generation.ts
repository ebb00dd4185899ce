import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8's young generation small, in a command that moves content: what passes through is garbage at once, and tens of
 * mebibytes of it are kept while there is room. To be called when everything is loaded: all that is loaded stays, and
 * where there is little room it is copied several times.
 */
export function limitYoungGeneration(): void {
  // Older releases of Node do not know the flag, and would say so.
  if (Number(process.versions.node.split(".")[0]) >= 24) {
    setFlagsFromString("--scavenger-max-new-space-capacity-mb=2");
  }
}
