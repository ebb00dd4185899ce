import { SingleBar } from "cli-progress";
import prettyBytes from "pretty-bytes";

/** Shows how far a transfer has come, on stderr, where that is a terminal. */
export interface ProgressBar {
  /** Whether anything is shown. */
  readonly shown: boolean;
  /** So many bytes more. */
  add(bytes: number): void;
  /** So many bytes more are known to come. */
  expect(bytes: number | undefined): void;
  /** Takes the bar away: what is printed now is a result. */
  stop(): void;
}

const KNOWN = "{bar} {percentage}%  {done} of {all}  {rate}/s  {eta_formatted} left";
const UNKNOWN = "{done}  {rate}/s  {duration_formatted}";

const silent: ProgressBar = { shown: false, add() {}, expect() {}, stop() {} };

/** A bar, or one that shows nothing: where it is not wanted, and where stderr is no terminal. */
export function createProgressBar(wanted: boolean): ProgressBar {
  return wanted && process.stderr.isTTY ? new TerminalBar() : silent;
}

class TerminalBar implements ProgressBar {
  readonly shown = true;
  readonly #start = performance.now();
  #bar: SingleBar | undefined;
  #done = 0;
  #total: number | undefined = 0;

  add(bytes: number): void {
    this.#done += bytes;
    this.#bar ??= this.#open();
    this.#bar.update(this.#done, this.#texts());
  }

  expect(bytes: number | undefined): void {
    this.#total = bytes === undefined || this.#total === undefined ? undefined : this.#total + bytes;
    this.#bar?.setTotal(this.#total ?? this.#done);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #open(): SingleBar {
    const bar = new SingleBar({
      stream: process.stderr,
      format: this.#total === undefined ? UNKNOWN : KNOWN,
      barsize: 30,
      hideCursor: true,
      clearOnComplete: true,
      etaBuffer: 100,
    });
    bar.start(this.#total ?? 0, this.#done, this.#texts());
    return bar;
  }

  #texts(): { done: string; all: string; rate: string } {
    const seconds = Math.max((performance.now() - this.#start) / 1000, 0.001);
    const text = (bytes: number): string => prettyBytes(bytes, { binary: true });
    return { done: text(this.#done), all: text(this.#total ?? 0), rate: text(this.#done / seconds) };
  }
}
