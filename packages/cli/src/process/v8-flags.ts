import { setFlagsFromString } from "node:v8";

/**
 * Tunes V8 for a process that runs the same code many times. Call it before that code is loaded.
 *
 * V8 then collects type feedback from the first call, so the first ten thousand requests cost a third less. It also
 * allocates every object in the young generation. Otherwise it soon allocates some objects that live as long as a request
 * in the old generation, where they are collected late and keep everything they refer to alive.
 */
export function optimizeForRepetition(): void {
  setFlagsFromString("--no-lazy-feedback-allocation");
  setFlagsFromString("--no-allocation-site-pretenuring");
}

/**
 * Limits V8's young generation in a command that moves content. Content is garbage as soon as it has been sent, and V8
 * keeps tens of mebibytes of it while there is room. Call this after all modules are loaded: their objects stay alive, and
 * a small young generation would copy them several times.
 */
export function limitYoungGeneration(): void {
  // Older releases of Node do not know the flag and print an error.
  if (Number(process.versions.node.split(".")[0]) >= 24) {
    setFlagsFromString("--scavenger-max-new-space-capacity-mb=2");
  }
}

/**
 * Keeps V8's young generation at its first size in a server of uploads. It would grow to more than 100 MiB while hundreds are under way, and
 * collecting it sooner costs no measurable time beside hashing and the disk. Call it where {@link limitYoungGeneration} is called.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
