import type { ExchangeRecord, RequestTarget } from "@trailsum/proxy";
import { redactedTarget } from "@trailsum/shared";

import { visibleText } from "./visible-text.ts";

/**
 * One line of an access log: client, request, status, duration, origin, and the verdicts on the content in both
 * directions. Text that came from a peer is quoted, and contains nothing that could forge a line or steer a terminal.
 */
export function accessLine(record: ExchangeRecord): string {
  const { request, origin, status, duration, requestVerdict, responseVerdict, error } = record;
  const asking = `${request.remoteAddress ?? "-"} ${JSON.stringify(`${request.method} ${asked(request.target)}`)}`;
  const answer = `${status ?? "-"} ${duration.toFixed(1)}ms ${origin ?? "-"}`;
  const verdicts = `request=${requestVerdict?.name ?? "-"} response=${responseVerdict?.name ?? "-"}`;
  const failure = error === undefined ? "" : ` ${error.code} ${JSON.stringify(error.message)}`;
  return `${visibleText(`${asking} ${answer} ${verdicts}${failure}`)}\n`;
}

function asked({ authority, path, query }: RequestTarget): string {
  const target = redactedTarget(query === undefined ? path : `${path}?${query}`);
  return authority === undefined ? target : `//${authority}${target}`;
}
