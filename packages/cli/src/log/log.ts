import type { ExchangeRecord } from "@trailsum/shared";

import { exchangeLine } from "./exchange-line.ts";
import { createLineBatch } from "./line-batch.ts";
import { createLogOutput } from "./log-output.ts";
import { visibleText } from "../terminal/visible-text.ts";

/** How grave a message is, as pino calls it. */
type LogLevel = "info" | "warn" | "error";

/** The log of `serve` and `proxy`: one line for each exchange, and messages. */
export interface Log {
  /** Logs an exchange that has ended; undefined if exchanges are not logged. */
  readonly exchange: ((record: ExchangeRecord) => void) | undefined;
  /** Logs a message. Only errors are logged where exchanges are not. */
  message(level: LogLevel, text: string): void;
  /** Writes what still waits. */
  flush(): void;
}

/** How lines are made of what is logged. */
export interface LogLines {
  exchange(record: ExchangeRecord): void;
  message(level: LogLevel, text: string): void;
}

/** Which log is kept, and of what. */
export interface LogOptions {
  /** Its form. Default: `text` on a terminal, otherwise `json`. */
  readonly log?: "text" | "json" | "off" | undefined;
  /** Whether only errors are logged. */
  readonly quiet: boolean;
}

/** Opens the log on stderr. Writing to it never fails and never waits. */
export async function openLog(
  { log = process.stderr.isTTY ? "text" : "json", quiet }: LogOptions,
  stream: { readonly fd: number } = process.stderr,
): Promise<Log> {
  const dropped = log === "json" ? droppedAsJson : undefined;
  const batch = createLineBatch(createLogOutput(stream, { dropped }));
  const write = (line: string): void => batch.add(line);
  // Loaded only where it is used: it would add a tenth to the time that the command takes to start.
  const lines = log === "json" ? (await import("./json-lines.ts")).jsonLines(write) : textLines(write);
  const onlyErrors = quiet || log === "off";
  return {
    exchange: onlyErrors ? undefined : (record) => lines.exchange(record),
    message(level, text) {
      if (onlyErrors && level !== "error") return;
      lines.message(level, text);
      batch.flush();
    },
    flush: () => batch.flush(),
  };
}

/** Lines for people. */
function textLines(write: (line: string) => void): LogLines {
  return {
    exchange: (record) => write(exchangeLine(record)),
    message: (level, text) => write(`${level === "warn" ? "trailsum: warning: " : ""}${visibleText(text)}\n`),
  };
}

/** pino is not asked: the output reports it when it can write again, for all writers. */
function droppedAsJson(lines: number): string {
  const line = {
    level: "warn",
    time: new Date(),
    pid: process.pid,
    dropped: lines,
    msg: "lines of the log were dropped",
  };
  return `${JSON.stringify(line)}\n`;
}
