import { setFlagsFromString } from "node:v8";

/**
 * Says that this process will do the same thing many times, before it loads what does it.
 *
 * V8 then notes from the first call on what it needs to know to compile a function well: the first ten thousand requests
 * cost a third less. And it makes all objects where the young ones are. Of what lives as long as a request it otherwise
 * soon makes some among the old ones, where they are not looked at for a long time when they are dead, and keep alive
 * all that they know of.
 */
export function expectRepetition(): void {
  setFlagsFromString("--no-lazy-feedback-allocation");
  setFlagsFromString("--no-allocation-site-pretenuring");
}
