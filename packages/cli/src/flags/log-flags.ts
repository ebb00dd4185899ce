import type { LogOptions } from "../log/log.ts";
import type { Flags } from "./flag.ts";

/** What the flags of a log hold once they are parsed. */
export type LogArguments = LogOptions;

/** The flags of a command that keeps a log. */
export const logFlags: Flags = {
  log: {
    choices: ["text", "json", "off"],
    describe: "form of the log on stderr, one line for each request (default: text on a terminal, otherwise json)",
  },
  "log-file": { type: "string", describe: "append the log to this file, opened again at SIGHUP, in place of stderr" },
  quiet: {
    alias: "q",
    type: "boolean",
    default: false,
    describe: "log only errors of the server itself: no requests, no refusals",
  },
};
