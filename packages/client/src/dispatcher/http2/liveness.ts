import { IdleTimer } from "../idle-timer.ts";
import type { Http2Options } from "./options.ts";

/** What a connection does to learn whether its server is still there. */
export interface LivenessEvents {
  /** The server has been silent for too long, or something is overdue: a PING is to be sent. */
  onDoubt(): void;
  /** It does not answer. */
  onSilence(reason: string): void;
}

/** `greeting`: its SETTINGS, which come first, are awaited. `trusted`: it was heard in time. `asked`: a PING is to be answered. */
type State = "greeting" | "trusted" | "asked";

/** Watches whether the server of a connection is still there: it is asked by PING when nothing has come for a while. */
export class Liveness {
  readonly #options: Http2Options;
  readonly #events: LivenessEvents;
  readonly #timer = new IdleTimer();
  #state: State = "greeting";

  constructor(options: Http2Options, events: LivenessEvents) {
    this.#options = options;
    this.#events = events;
    this.#timer.set(options.pingTimeout, () => events.onSilence("no SETTINGS have come"));
  }

  /** Whether it is uncertain that the server is there. */
  get asked(): boolean {
    return this.#state === "asked";
  }

  /** Something has come, or something is expected from now on. */
  awaitSign(): void {
    if (this.#state === "trusted") this.#timer.set(this.#options.pingInterval, this.#onDoubt);
  }

  /** Nothing is expected for now. */
  rest(): void {
    if (this.#state === "trusted") this.#timer.clear();
  }

  /** SETTINGS have come. */
  onSettings(): void {
    if (this.#state !== "greeting") return;
    this.#state = "trusted";
    this.#timer.clear();
  }

  /** Has the server asked, unless it has been already. */
  ask(): void {
    if (this.#state === "asked") return;
    this.#state = "asked";
    this.#timer.set(this.#options.pingTimeout, () => this.#events.onSilence("no answer to a PING"));
    this.#events.onDoubt();
  }

  /** The answer to a PING has come. False where none is awaited. */
  onPong(): boolean {
    if (this.#state !== "asked") return false;
    this.#state = "trusted";
    this.#timer.clear();
    return true;
  }

  /** The connection has closed. */
  stop(): void {
    this.#timer.stop();
  }

  readonly #onDoubt = (): void => this.ask();
}
