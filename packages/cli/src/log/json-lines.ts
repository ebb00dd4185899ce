import type { ExchangeRecord } from "@trailsum/shared";
import { pino, stdTimeFunctions } from "pino";

import type { LogLines } from "./log.ts";
import { visibleJson } from "../terminal/visible-text.ts";

/** The lines of a log for machines: one JSON object each. docs/observability.md describes its members. */
export function jsonLines(write: (line: string) => void): LogLines {
  const logger = pino(
    {
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    { write: (line: string) => write(visibleJson(line)) },
  );
  return {
    exchange: (record) => logger.info(members(record), "exchange"),
    message: (level, text) => logger[level](text),
  };
}

/** The members of an exchange. Those that are undefined are left out. */
function members({ time, requestVerdict, responseVerdict, error, ...record }: ExchangeRecord): object {
  return {
    ...record,
    began: time,
    duration: Math.round(record.duration * 1_000) / 1_000,
    verdict: requestVerdict?.name,
    algorithms: requestVerdict?.algorithms,
    responseVerdict: responseVerdict?.name,
    responseAlgorithms: responseVerdict?.algorithms,
    error: error && { code: error.code, message: error.message },
  };
}
