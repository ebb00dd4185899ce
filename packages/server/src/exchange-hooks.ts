import {
  beginRecord,
  endRecord,
  exchangesObserved,
  type InboundExchange,
  type OpenRecord,
  updateRecord,
} from "@trailsum/http/inbound";
import type { ExchangeRecord } from "@trailsum/shared";

import type { UploadExchange } from "./upload-exchange.ts";
import type { UploadLogger } from "./upload-resource.ts";

/** A function that observes an exchange. An error that it throws is logged and has no other effect. */
export type ExchangeHook = (record: ExchangeRecord) => unknown;

/**
 * Functions that observe exchanges. All of them get the same record, which `onExchange` gets complete: before
 * that, what is not known yet is undefined or 0.
 */
export interface ExchangeHooks {
  /**
   * Called after an upload was stored and before it is answered, for every protocol. A promise is awaited: a
   * client that gets the answer knows that the hook has ended.
   * @default nothing is called
   */
  readonly onStored?: ExchangeHook | undefined;
  /**
   * Called after an object was removed by DELETE and before that is answered, likewise.
   * @default nothing is called
   */
  readonly onRemoved?: ExchangeHook | undefined;
  /**
   * Called when a write is refused for any reason, or lost on the way.
   * @default nothing is called
   */
  readonly onRefused?: ExchangeHook | undefined;
  /**
   * Called once for every exchange, reads and refusals included, when its response has ended.
   * @default nothing is called
   */
  readonly onExchange?: ExchangeHook | undefined;
}

/** The outcome of an exchange, for its record. */
type Outcome = Partial<Pick<ExchangeRecord, "path" | "created" | "requestVerdict" | "mode" | "error">>;

/** Keeps the records of exchanges, for the hooks of a resource and the subscribers of the diagnostics channels. */
export class ExchangeObserver {
  readonly #hooks: ExchangeHooks;
  readonly #logger: UploadLogger | undefined;
  readonly #hasHooks: boolean;

  constructor(hooks: ExchangeHooks, logger: UploadLogger | undefined) {
    this.#hooks = hooks;
    this.#logger = logger;
    this.#hasHooks = [hooks.onStored, hooks.onRemoved, hooks.onRefused, hooks.onExchange].some(
      (hook) => hook !== undefined,
    );
  }

  /** The record of an exchange that has just begun; undefined if nothing would get it. */
  begin(exchange: InboundExchange): OpenRecord | undefined {
    return this.#hasHooks || exchangesObserved() ? beginRecord("server", exchange) : undefined;
  }

  /** Records the outcome of an exchange, and calls a hook for it. Never rejects. */
  async report(
    hook: "onStored" | "onRemoved" | "onRefused" | undefined,
    { exchange, record, began }: UploadExchange,
    outcome: Outcome,
  ): Promise<void> {
    if (record === undefined) return;
    updateRecord(Object.assign(record, outcome), exchange, began);
    if (hook !== undefined) await this.#call(this.#hooks[hook], record);
  }

  /** The exchange is over. Never rejects. */
  async end({ exchange, record, began }: Pick<UploadExchange, "exchange" | "record" | "began">): Promise<void> {
    if (record === undefined) return;
    updateRecord(record, exchange, began);
    endRecord(record);
    await this.#call(this.#hooks.onExchange, record);
  }

  async #call(hook: ExchangeHook | undefined, record: ExchangeRecord): Promise<void> {
    try {
      await hook?.(record);
    } catch (error) {
      this.#logger?.error("a hook for exchanges failed", error);
    }
  }
}
