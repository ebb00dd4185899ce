import prettyBytes from "pretty-bytes";

import type { ProgressBar } from "./progress-bar.ts";

/** To the start of the line, and what erases from there to its end. */
const START = "\r";
const ERASE = "\u001b[K";

/** How long a drawn line stays as it is. Milliseconds. */
const INTERVAL = 100;

/** The rate is that of this last stretch of time. Milliseconds. */
const STRETCH = 5_000;

const WIDTH = 30;

const DEFAULT_COLUMNS = 80;

/** How many bytes had been transferred at a time. */
interface Sample {
  readonly time: number;
  readonly bytes: number;
}

/**
 * A bar on a terminal. It uses the line that the cursor is on and nothing else of the terminal: no cursor is hidden or
 * moved to another line, no mode is set, so that nothing has to be restored however the process ends.
 */
export class TerminalBar implements ProgressBar {
  readonly shown = true;
  readonly #terminal: { readonly columns: number; write(text: string): unknown };
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  readonly #samples: Sample[];
  #drawnAt = -Infinity;
  #isDrawn = false;
  #isBegun = false;
  #transferred = 0;
  #total: number | undefined = 0;
  #expected = 0;
  #completed = 0;

  constructor(
    terminal: { readonly columns: number; write(text: string): unknown },
    now: () => number = () => performance.now(),
  ) {
    this.#terminal = terminal;
    this.#now = now;
    this.#samples = [{ time: now(), bytes: 0 }];
    this.#timer = setInterval(() => this.#draw(), INTERVAL).unref();
  }

  expect(bytes: number | undefined): void {
    this.#expected += 1;
    this.#total = bytes === undefined || this.#total === undefined ? undefined : this.#total + bytes;
  }

  add(bytes: number): void {
    this.#isBegun = true;
    this.#transferred += bytes;
    this.#draw();
  }

  complete(): void {
    this.#completed += 1;
  }

  erase(): void {
    if (this.#isDrawn) this.#terminal.write(START + ERASE);
    this.#isDrawn = false;
  }

  end(): void {
    clearInterval(this.#timer);
    this.erase();
  }

  #draw(): void {
    const now = this.#now();
    if (!this.#isBegun || now - this.#drawnAt < INTERVAL) return;
    this.#drawnAt = now;
    this.#isDrawn = true;
    const rate = this.#rate(now);
    const { columns } = this.#terminal;
    // A line that fills the last column may wrap. A terminal that does not know its width says 0.
    const room = (columns > 0 ? columns : DEFAULT_COLUMNS) - 1;
    const line = this.#expected > 1 ? this.#countLine(rate) : this.#byteLine(rate, room);
    this.#terminal.write(START + line.slice(0, room) + ERASE);
  }

  /** Bytes per second. */
  #rate(now: number): number {
    while (this.#samples.length > 1 && now - this.#samples[0]!.time > STRETCH) this.#samples.shift();
    const { time, bytes } = this.#samples[0]!;
    this.#samples.push({ time: now, bytes: this.#transferred });
    return Math.max(0, this.#transferred - bytes) / Math.max((now - time) / 1000, 0.001);
  }

  /** Of many files it is not known how many are still to come. */
  #countLine(rate: number): string {
    return `${this.#completed} files  ${size(this.#transferred)}  ${size(rate)}/s`;
  }

  #byteLine(rate: number, room: number): string {
    if (this.#total === undefined) return `${size(this.#transferred)}  ${size(rate)}/s`;
    const part = this.#total === 0 ? 1 : Math.min(1, Math.max(0, this.#transferred / this.#total));
    const left = rate > 0 ? `  ${duration((this.#total - this.#transferred) / rate)} left` : "";
    const text = `${Math.floor(part * 100)}%  ${size(this.#transferred)} of ${size(this.#total)}  ${size(rate)}/s${left}`;
    const width = room - text.length - 1 >= WIDTH ? WIDTH : 0;
    return width === 0 ? text : `${"=".repeat(Math.floor(part * width)).padEnd(width)} ${text}`;
  }
}

function size(bytes: number): string {
  return prettyBytes(Math.round(bytes), { binary: true });
}

/** `7s`, `3m20s`, `2h05m`, `4d3h`. */
function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const padded = (number: number): string => String(number).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${padded(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}h${padded(Math.floor(whole / 60) % 60)}m`;
  return `${Math.floor(whole / 86_400)}d${Math.floor(whole / 3_600) % 24}h`;
}
