import prettyBytes from "pretty-bytes";

import type { TransferPhase } from "@trailsum/client";

import type { PhaseNames } from "./progress-bar.ts";

/** A file that moves nothing for this long stalls. Milliseconds. */
const STALL = 5_000;

const WIDTH = 30;
/** Names are not cut below this. Columns. */
const MIN_NAME = 12;

/** Bytes of how many, and how fast. */
export interface Amount {
  readonly transferred: number;
  readonly total: number | undefined;
  /** Bytes per second. */
  readonly rate: number;
}

/** A file as a line shows it. */
export interface FileState extends Pick<Amount, "transferred" | "total"> {
  readonly name: string;
  readonly phase: TransferPhase;
  /** Whether content that was transferred before is transferred again. */
  readonly again: boolean;
  /** Milliseconds since the last bytes of the file were transferred. */
  readonly resting: number;
}

/** `photos/a.jpg  45%  1.2 MiB of 2.7 MiB`, in so many columns. */
export function fileLine(file: FileState, columns: number, names: PhaseNames): string {
  const { name, transferred, total } = file;
  const isWhole = total !== undefined && transferred >= total && transferred > 0;
  const state = [
    total === undefined || isWhole ? "" : `${percent(transferred, total)}%`,
    isWhole ? size(transferred) : amount(transferred, total),
    doingNow(file, names),
  ];
  const text = state.filter((part) => part !== "").join("  ");
  const room = Math.max(MIN_NAME, columns - text.length - 2);
  return `${shortened(name, room).padEnd(Math.min(room, 40))}  ${text}`.slice(0, columns);
}

/** `12/3000 files  1.2 MiB of 3.4 GiB  500 KiB/s  2m03s left` */
export function totalLine(files: { done: number; found: number }, given: Amount): string {
  const { transferred, total, rate } = given;
  return [`${files.done}/${files.found} files`, amount(transferred, total), pace(rate), ...timeLeft(given)].join("  ");
}

/** The line of a single file, with a bar where there is room. */
export function singleLine(given: Amount & { readonly doing: string }, columns: number): string {
  const { transferred, total, rate, doing } = given;
  const end = doing === "" ? timeLeft(given) : [doing];
  if (total === undefined) return [size(transferred), pace(rate), ...end].join("  ");
  const text = [`${percent(transferred, total)}%`, amount(transferred, total), pace(rate), ...end].join("  ");
  const width = columns - text.length - 1 >= WIDTH ? WIDTH : 0;
  if (width === 0) return text;
  return `${"=".repeat(Math.floor((percent(transferred, total) / 100) * width)).padEnd(width)} ${text}`;
}

/** `3000 files, 1.2 GiB in 12s (100 MiB/s), 2 skipped, 1 failed` */
export function summaryLine(
  counts: { complete: number; skipped: number; failed: number },
  bytes: number,
  seconds: number,
): string {
  const parts = [
    `${counts.complete} ${counts.complete === 1 ? "file" : "files"}`,
    `${size(bytes)} in ${duration(seconds)} (${pace(bytes / Math.max(seconds, 0.001))})`,
    ...(counts.skipped > 0 ? [`${counts.skipped} skipped`] : []),
    ...(counts.failed > 0 ? [`${counts.failed} failed`] : []),
  ];
  return parts.join(", ");
}

/** What a file is doing besides being transferred: the name of its phase, or that it stalls. Empty for neither. */
export function doingNow({ phase, again, resting }: Omit<FileState, "name">, names: PhaseNames): string {
  const name = phase !== "transferring" ? names[phase] : again ? names.again : "";
  if (resting < STALL) return name;
  const isWaiting = phase === "verifying" || phase === "retrying";
  return `${isWaiting ? name : "stalled"} ${duration(resting / 1_000)}`;
}

function timeLeft({ transferred, total, rate }: Amount): string[] {
  return total === undefined || rate <= 0 || transferred >= total
    ? []
    : [`${duration((total - transferred) / rate)} left`];
}

function percent(transferred: number, total: number): number {
  return total === 0 ? 100 : Math.floor(Math.min(1, Math.max(0, transferred / total)) * 100);
}

function amount(transferred: number, total: number | undefined): string {
  return total === undefined ? size(transferred) : `${size(transferred)} of ${size(total)}`;
}

const pace = (rate: number): string => `${size(rate)}/s`;

function size(bytes: number): string {
  return prettyBytes(Math.round(bytes), { binary: true });
}

/** Its end says more than its start. */
function shortened(name: string, columns: number): string {
  return name.length <= columns ? name : `...${name.slice(name.length - columns + 3)}`;
}

/** `7s`, `3m20s`, `2h05m`, `4d3h`. */
function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const padded = (number: number): string => String(number).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${padded(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}h${padded(Math.floor(whole / 60) % 60)}m`;
  return `${Math.floor(whole / 86_400)}d${Math.floor(whole / 3_600) % 24}h`;
}
