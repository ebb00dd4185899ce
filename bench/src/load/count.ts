import { cpuSeconds, forgetPeak, peakBytes } from "../process-usage.ts";
import type { LoadOutcome } from "./load.ts";
import type { Message } from "./message-reader.ts";
import { percentilesOf } from "./percentiles.ts";
import type { Judge } from "./senders.ts";

/** Counts the answers to a load between two moments, and what a process used between them. */
export class Count {
  requests = 0;
  readonly #failures = new Map<string, number>();
  readonly #pid: number;
  readonly #judge: Judge;
  readonly #latencies: number[] = [];
  #kept = 0;
  #counting = false;
  #began = 0;
  #seconds = 0;
  #cpu = 0;
  #peak = 0;

  constructor(pid: number, judge: Judge) {
    this.#pid = pid;
    this.#judge = judge;
  }

  begin(): void {
    forgetPeak(this.#pid);
    this.#cpu = cpuSeconds(this.#pid);
    this.#began = performance.now();
    this.#counting = true;
  }

  end(): void {
    this.#counting = false;
    this.#seconds = (performance.now() - this.#began) / 1000;
    this.#cpu = cpuSeconds(this.#pid) - this.#cpu;
    this.#peak = peakBytes(this.#pid);
  }

  answer(message: Message): void {
    const judged = this.#judge(message);
    if (judged === undefined) this.fail(message.head.slice(0, message.head.indexOf("\r\n")));
    else if (this.#counting) {
      this.requests += 1;
      if (judged === "kept") this.#kept += 1;
    }
  }

  latency(seconds: number): void {
    this.#latencies.push(seconds);
  }

  /** Counted at any time: a subject that fails is left out. Returns how often it failed for this reason. */
  fail(reason: string): number {
    const times = (this.#failures.get(reason) ?? 0) + 1;
    this.#failures.set(reason, times);
    return times;
  }

  outcome(): LoadOutcome {
    return {
      requests: this.requests,
      kept: this.#kept,
      failures: Object.fromEntries(this.#failures),
      seconds: this.#seconds,
      cpu: this.#cpu,
      peak: this.#peak,
      latencies: percentilesOf(this.#latencies),
    };
  }
}
