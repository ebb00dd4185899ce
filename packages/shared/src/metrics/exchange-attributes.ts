import type { ExchangeRecord } from "../exchange-record.ts";
import type { Attributes } from "./meter.ts";

/** Methods that are counted by name. A client may send any other, and all of those count as one. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "CONNECT"]);

/** The dimensions of an exchange: none of them has values that a client makes up. */
export function exchangeAttributes({ by, method, status }: ExchangeRecord): Attributes {
  return {
    by,
    method: METHODS.has(method) ? method : "other",
    status: status === undefined ? "none" : `${Math.floor(status / 100)}xx`,
  };
}

/** The transfers that an exchange made: content of its request, and content of its response. */
export function transfersOf(record: ExchangeRecord): Attributes[] {
  const { by, method, status = 0, requestVerdict, responseVerdict, received, sent } = record;
  const transfers: Attributes[] = [];
  if (received > 0 || requestVerdict !== undefined)
    transfers.push({ by, direction: "upload", verdict: requestVerdict?.name ?? "none", mode: record.mode ?? "none" });
  const delivers = method === "GET" && status >= 200 && status < 300 && sent > 0;
  if (delivers || responseVerdict !== undefined)
    transfers.push({ by, direction: "download", verdict: responseVerdict?.name ?? "none", mode: "none" });
  return transfers;
}
