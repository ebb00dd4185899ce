import { beginRecord, endRecord, exchangesObserved, type OpenRecord, updateRecord } from "@trailsum/http/inbound";
import type { InboundExchange } from "@trailsum/http/inbound";
import { deliveryMode } from "@trailsum/shared";

import type { ReverseProxyOptions } from "./reverse-proxy-options.ts";

/** What the forwarder records of an exchange: a part of its record, or all of it if nothing observes the exchange. */
export type ExchangeOutcome = Pick<OpenRecord, "origin" | "status" | "requestVerdict" | "responseVerdict" | "error">;

/** The record of an exchange that a hook or a subscriber is to get; undefined if there is neither. */
export function observedRecord(
  exchange: InboundExchange,
  onExchange: ReverseProxyOptions["onExchange"],
): OpenRecord | undefined {
  return onExchange === undefined && !exchangesObserved() ? undefined : beginRecord("proxy", exchange);
}

/** An outcome of which nothing is known yet. */
export function unknownOutcome(): ExchangeOutcome {
  return {
    origin: undefined,
    status: undefined,
    requestVerdict: undefined,
    responseVerdict: undefined,
    error: undefined,
  };
}

/** Completes and publishes a record, and waits for the hook only if that takes its time. A hook cannot harm an exchange. */
export function reportExchange(
  record: OpenRecord,
  exchange: InboundExchange,
  { began, onExchange }: { readonly began: number; readonly onExchange: ReverseProxyOptions["onExchange"] },
): Promise<void> | undefined {
  updateRecord(record, exchange, began);
  record.mode = record.requestVerdict && deliveryMode(record.requestVerdict);
  endRecord(record);
  try {
    return onExchange?.(record)?.catch(() => {});
  } catch {
    return undefined;
  }
}
