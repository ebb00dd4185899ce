import { join } from "node:path";

import { settings } from "./settings.ts";

/** Where profiles go. Chrome's developer tools open them, and so do editors. */
export const profilesDirectory: string = join(import.meta.dirname, "../profiles");

/** The arguments that make a Node process keep a profile of itself, if that was asked for. */
export function profilingArgs(name: string): string[] {
  if (!settings.profile) return [];
  const file = `${settings.names[0] ?? "bench"}-${name.replaceAll(/\W+/g, "-")}.cpuprofile`;
  return ["--cpu-prof", `--cpu-prof-dir=${profilesDirectory}`, `--cpu-prof-name=${file}`];
}
