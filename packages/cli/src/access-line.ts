import type { ExchangeRecord, RequestTarget } from "@trailsum/proxy";

/**
 * One line of an access log: who asked for what, what they got, how long it took, of which origin, and what was found
 * about the content in both directions. What a stranger sent is quoted.
 */
export function accessLine(record: ExchangeRecord): string {
  const { request, origin, status, duration, requestVerdict, responseVerdict, error } = record;
  const asking = `${request.remoteAddress ?? "-"} ${JSON.stringify(`${request.method} ${asked(request.target)}`)}`;
  const answer = `${status ?? "-"} ${duration.toFixed(1)}ms ${origin ?? "-"}`;
  const verdicts = `request=${requestVerdict?.name ?? "-"} response=${responseVerdict?.name ?? "-"}`;
  const failure = error === undefined ? "" : ` ${error.code} ${JSON.stringify(error.message)}`;
  return `${asking} ${answer} ${verdicts}${failure}\n`;
}

function asked({ authority, path, query }: RequestTarget): string {
  const target = query === undefined ? path : `${path}?${query}`;
  return authority === undefined ? target : `//${authority}${target}`;
}
