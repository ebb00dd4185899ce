import type { ExchangeRecord } from "@trailsum/shared";

import { visibleText } from "../terminal/visible-text.ts";

/**
 * One line of the log for people: client, request, status, duration, bytes of content in and out, and what else is known of
 * the exchange. Text that came from a peer is quoted, and contains nothing that could forge a line or steer a terminal.
 */
export function exchangeLine(record: ExchangeRecord): string {
  const { remoteAddress, method, target, status, duration, received, sent, error } = record;
  const words = [
    remoteAddress ?? "-",
    JSON.stringify(`${method} ${target}`),
    status ?? "-",
    `${duration.toFixed(1)}ms`,
    `in=${received}`,
    `out=${sent}`,
    ...known("origin", record.origin),
    ...known(record.by === "proxy" ? "request" : "verdict", record.requestVerdict?.name),
    ...known("response", record.responseVerdict?.name),
    ...known("algorithms", record.requestVerdict?.algorithms.join(",")),
    ...known("mode", record.mode),
    `id=${record.id}`,
    ...(error === undefined ? [] : [error.code, JSON.stringify(error.message)]),
  ];
  return `${visibleText(words.join(" "))}\n`;
}

function known(name: string, value: string | undefined): string[] {
  return value === undefined || value === "" ? [] : [`${name}=${value}`];
}
