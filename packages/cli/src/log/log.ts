import { type ExchangeRecord, TrailsumError } from "@trailsum/shared";

import { exchangeLine } from "./exchange-line.ts";
import { createLineBatch } from "./line-batch.ts";
import { openLogFile } from "./log-file.ts";
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
  /** Opens the log file again, if there is one. If that fails, the log goes on in the file that is open, and says so. */
  reopen(): void;
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
  /** The file that it is appended to. Default: stderr. */
  readonly logFile?: string | undefined;
}

/** Opens the log. Writing to it never fails and never waits. Rejects with `FILE_UNWRITABLE` for a file that cannot be opened. */
export async function openLog({ logFile, quiet, ...given }: LogOptions): Promise<Log> {
  const { log = logFile === undefined && process.stderr.isTTY ? "text" : "json" } = given;
  const dropped = log === "json" ? droppedAsJson : undefined;
  const file = logFile === undefined ? undefined : openLogFile(logFile);
  const output = createLogOutput(file ?? process.stderr, { dropped });
  const batch = createLineBatch(output);
  const write = (line: string): void => batch.add(line);
  // Loaded only where it is used: it would add a tenth to the time that the command takes to start.
  const lines = log === "json" ? (await import("./json-lines.ts")).jsonLines(write) : textLines(write);
  const onlyErrors = quiet || log === "off";
  const opened: Log = {
    exchange: onlyErrors ? undefined : (record) => lines.exchange(record),
    message(level, text) {
      if (onlyErrors && level !== "error") return;
      lines.message(level, text);
      batch.flush();
    },
    flush: () => batch.flush(),
    reopen() {
      batch.flush();
      try {
        file?.reopen((reopened) => output.redirect(reopened));
      } catch (error) {
        opened.message("error", TrailsumError.from(error).message);
      }
    },
  };
  return opened;
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
