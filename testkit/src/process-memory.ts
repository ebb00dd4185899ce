import { readFileSync } from "node:fs";

/** How much memory a process has resident, in bytes; `undefined` when it is gone, or the system does not report it. */
export function residentMemory(pid: number): number | undefined {
  return memoryOf(pid, "VmRSS");
}

/** The most memory that a process has ever had resident, in bytes; `undefined` as above. */
export function peakOfMemory(pid: number): number | undefined {
  return memoryOf(pid, "VmHWM");
}

function memoryOf(pid: number, line: string): number | undefined {
  try {
    const kib = new RegExp(`^${line}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}
