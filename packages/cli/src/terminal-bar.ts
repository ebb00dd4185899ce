import { SingleBar } from "cli-progress";
import prettyBytes from "pretty-bytes";

import type { ProgressBar } from "./progress-bar.ts";

const KNOWN = "{bar} {percentage}%  {done} of {all}  {rate}/s  {eta_formatted} left";
const UNKNOWN = "{done}  {rate}/s  {duration_formatted}";

/** A bar on the terminal that stderr is. */
export class TerminalBar implements ProgressBar {
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
