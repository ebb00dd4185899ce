import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";

import { fileErrorCode } from "./file-error.ts";

/** The state of the process that left a mark. */
export type OwnerState = "alive" | "gone" | "unknown";

/** Matches a mark as a part of a file name. */
export const MARK = "[0-9a-f]{12}-\\d+-\\d+";

/**
 * The mark of this process: where process ids mean what they mean here (this boot of this machine, this namespace), its
 * id, and when it started. A host name and an id are not enough: containers share both, and ids are used again.
 * Without /proc the place is random, so that no other process tries to look up the id.
 */
export const ownMark: string = createMark();

/** Whether the process that left `mark` still runs. `unknown` if its id belongs to another boot, machine or namespace. */
export function ownerState(mark: string): OwnerState {
  if (mark === ownMark) return "alive";
  const [place, pid, started] = mark.split("-");
  if (place !== ownMark.split("-")[0]) return "unknown";
  if (!isRunning(Number(pid))) return "gone";
  // Another process may have that id by now. If /proc hides the processes of others, the id alone decides.
  const now = startOf(Number(pid));
  return now === undefined || now === started ? "alive" : "gone";
}

function createMark(): string {
  const place = placeOfIds();
  const started = place === undefined ? "0" : (startOf(process.pid) ?? "0");
  return `${place ?? randomBytes(6).toString("hex")}-${process.pid}-${started}`;
}

/** A name for the boot and the namespace that this process's id belongs to. */
function placeOfIds(): string | undefined {
  try {
    // A /proc of another namespace than ours has other ids (unshare without --mount-proc).
    if (!readFileSync("/proc/self/stat", "latin1").startsWith(`${process.pid} `)) return undefined;
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1");
    return createHash("sha256").update(boot).update(readlinkSync("/proc/self/ns/pid")).digest("hex").slice(0, 12);
  } catch {
    return undefined;
  }
}

/** When a process started, in ticks since the boot: field 22 of proc_pid_stat(5). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the name of the program, in parentheses, and may contain anything.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return fileErrorCode(error) !== "ESRCH";
  }
}
