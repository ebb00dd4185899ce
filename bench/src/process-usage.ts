import { readdirSync, readFileSync, writeFileSync } from "node:fs";

// What a process and all processes below it use, from /proc on Linux. They come and go: what has gone is left out,
// and what it took counts with the process that waited for it.

/** Seconds of processor time so far, their own and the system's on their behalf, of all threads. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const member of family(pid)) {
    const fields = stat(member);
    // utime, stime, and the two of what has ended below it. There are 100 ticks a second on every Linux.
    for (const field of [14, 15, 16, 17]) ticks += Number(fields?.[field] ?? 0);
  }
  return ticks / 100;
}

/** Bytes of memory that they hold now. What they share counts once for each. */
export function residentBytes(pid: number): number {
  return sumOf(pid, "VmRSS");
}

/** The most that each held since `forgetPeak`, in bytes. */
export function peakBytes(pid: number): number {
  return sumOf(pid, "VmHWM");
}

/** Begins to look for the most from now on. */
export function forgetPeak(pid: number): void {
  for (const member of family(pid)) writeFileSync(`/proc/${member}/clear_refs`, "5");
}

function sumOf(pid: number, name: string): number {
  const line = new RegExp(`^${name}:\\s*(\\d+) kB`, "m");
  const kibibytes = family(pid).map((member) => Number(line.exec(read(`/proc/${member}/status`))?.[1] ?? 0));
  return kibibytes.reduce((sum, one) => sum + one, 0) * 1024;
}

function family(pid: number): number[] {
  const children = Map.groupBy(
    readdirSync("/proc")
      .map(Number)
      .filter((member) => !Number.isNaN(member)),
    (member) => Number(stat(member)?.[4]),
  );
  const members = [pid];
  for (const member of members) members.push(...(children.get(member) ?? []));
  return members;
}

/** The fields of `/proc/<pid>/stat`, each at its number in proc(5), from the third on: the second may hold anything. */
function stat(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text === "" ? undefined : ["", "", ...text.slice(text.lastIndexOf(")") + 1).split(" ")];
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
