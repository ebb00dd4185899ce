import type { FileProgress, PhaseNames, ProgressBar } from "./progress-bar.ts";
import { doingNow, fileLine, singleLine, summaryLine, totalLine } from "./progress-text.ts";
import { RunningFile } from "./running-file.ts";

/** Control sequences: return to the start of the line, erase to its end, erase everything below. */
const START = "\r";
const ERASE = "\u001b[K";
const ERASE_BELOW = "\u001b[J";

/** Minimum time between two redraws. Milliseconds. */
const INTERVAL = 100;

/** The rate is that of this last stretch of time. Milliseconds. */
const STRETCH = 5_000;

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** What is drawn on. A terminal that does not know its size says 0. */
interface Terminal {
  readonly columns: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** How many bytes had been transferred at a time. */
interface Sample {
  readonly time: number;
  readonly bytes: number;
}

/**
 * Progress on a terminal: a line for each file under way, as far as they have room, and one for all; a single file has one
 * line. It uses the lines from the cursor on and nothing else of the terminal: no cursor is hidden and no mode is set, so
 * that nothing has to be restored however the process ends.
 */
export class TerminalBar implements ProgressBar {
  readonly shown = true;
  readonly #terminal: Terminal;
  readonly #names: PhaseNames;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  readonly #began: number;
  readonly #samples: Sample[];
  readonly #running = new Set<RunningFile>();
  readonly #counts = { complete: 0, skipped: 0, failed: 0 };
  #drawnAt = -Infinity;
  #drawn: readonly string[] = [];
  #found = 0;
  #total: number | undefined = 0;
  #transferred = 0;

  constructor(terminal: Terminal, names: PhaseNames, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#names = names;
    this.#now = now;
    this.#began = now();
    this.#samples = [{ time: this.#began, bytes: 0 }];
    this.#timer = setInterval(() => this.#draw(), INTERVAL).unref();
  }

  found(bytes: number | undefined): void {
    this.#found += 1;
    this.#total = bytes === undefined || this.#total === undefined ? undefined : this.#total + bytes;
  }

  skip(): void {
    this.#counts.skipped += 1;
  }

  begin(name: string, bytes: number | undefined): FileProgress {
    const file = new RunningFile(name, bytes, this.#now());
    this.#running.add(file);
    return {
      advance: (progress) => {
        this.#transferred += file.advance(progress, this.#now());
        this.#draw();
      },
      end: (outcome) => {
        if (this.#running.delete(file)) this.#counts[outcome] += 1;
      },
    };
  }

  erase(): void {
    if (this.#drawn.length > 0) this.#terminal.write(this.#toStart() + (this.#drawnRows > 1 ? ERASE_BELOW : ERASE));
    this.#drawn = [];
  }

  end(): void {
    clearInterval(this.#timer);
    this.erase();
    const { complete, failed } = this.#counts;
    if (complete + failed < 2) return;
    const seconds = (this.#now() - this.#began) / 1_000;
    this.#terminal.write(`${summaryLine(this.#counts, this.#transferred, seconds)}\n`);
  }

  #draw(): void {
    const now = this.#now();
    if (this.#running.size === 0 || now - this.#drawnAt < INTERVAL) return;
    // A line that fills the last column may wrap.
    const columns = (this.#terminal.columns || DEFAULT_COLUMNS) - 1;
    const lines = this.#lines(now, columns).map((line) => line.slice(0, columns));
    this.#terminal.write(this.#toStart() + lines.join(`${ERASE}\r\n`) + (lines.length > 1 ? ERASE_BELOW : ERASE));
    this.#drawnAt = now;
    this.#drawn = lines;
  }

  #lines(now: number, columns: number): string[] {
    const rate = this.#rate(now);
    const files = [...this.#running].map((each) => each.state(now));
    const [file] = files;
    if (this.#found <= 1 && file !== undefined) {
      const { transferred, total } = file;
      return [singleLine({ transferred, total, rate, doing: doingNow(file, this.#names) }, columns)];
    }
    const { complete, failed } = this.#counts;
    const counted = { done: complete + failed, found: Math.max(this.#found, complete + failed + files.length) };
    const total = totalLine(counted, { transferred: this.#transferred, total: this.#total, rate });
    const room = Math.max(0, (this.#terminal.rows || DEFAULT_ROWS) - 2);
    return [...files.slice(0, room).map((each) => fileLine(each, columns, this.#names)), total];
  }

  /** Bytes per second. */
  #rate(now: number): number {
    while (this.#samples.length > 1 && now - this.#samples[0]!.time > STRETCH) this.#samples.shift();
    const { time, bytes } = this.#samples[0]!;
    this.#samples.push({ time: now, bytes: this.#transferred });
    return Math.max(0, this.#transferred - bytes) / Math.max((now - time) / 1000, 0.001);
  }

  /** How many rows the drawn lines take. A terminal that has become narrower has wrapped them. */
  get #drawnRows(): number {
    const columns = this.#terminal.columns || DEFAULT_COLUMNS;
    return this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
  }

  /** To where the first drawn line begins. */
  #toStart(): string {
    const rows = this.#drawnRows;
    return rows > 1 ? `${START}\u001b[${rows - 1}A` : START;
  }
}
