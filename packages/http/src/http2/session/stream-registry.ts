import type { Role } from "../settings.ts";
import type { Http2Stream } from "./stream.ts";

/** Why an identifier has no stream. */
export type Absence =
  /** It has not been opened. */
  | "idle"
  /** It has closed recently, after END_STREAM or RST_STREAM from the peer, which may not send anything after it. */
  | "ended"
  /** It was never opened, and a later one was (RFC 9113 section 5.1.1). */
  | "skipped"
  /** It has closed. Frames that the peer sent before it received RST_STREAM may arrive (RFC 9113 section 5.1). */
  | "closed";

/** How many closed streams are remembered that the peer had ended. */
const ENDED = 64;

/** How many gaps between the streams of a peer are remembered. */
const GAPS = 32;

/**
 * The streams of a connection by their identifiers. Only open ones take memory: of the closed ones, the registry remembers a bounded number
 * of identifiers, however many there were.
 */
export class StreamRegistry {
  readonly #open = new Map<number, Http2Stream>();
  readonly #role: Role;
  /** The last stream that this side has opened; 0 for none. */
  lastLocalId = 0;
  /** The last stream that the peer has opened; 0 for none. */
  lastRemoteId = 0;
  #ended: number[] = [];
  #endedAt = 0;
  /** First and last identifier of each gap, in turn. */
  #gaps: number[] = [];

  constructor(role: Role) {
    this.#role = role;
  }

  /** How many streams are open or half-closed. */
  get size(): number {
    return this.#open.size;
  }

  get(id: number): Http2Stream | undefined {
    return this.#open.get(id);
  }

  add(stream: Http2Stream): void {
    this.#open.set(stream.id, stream);
  }

  /** Forgets a stream. `ended` says whether the peer had sent END_STREAM or RST_STREAM. */
  remove(stream: Http2Stream, ended: boolean): void {
    this.#open.delete(stream.id);
    if (!ended) return;
    this.#ended[this.#endedAt] = stream.id;
    this.#endedAt = (this.#endedAt + 1) % ENDED;
  }

  /** The streams that are open now. */
  all(): Http2Stream[] {
    return [...this.#open.values()];
  }

  /** Counts a stream that the peer opens. That closes lower ones which it has not opened (RFC 9113 section 5.1.1). */
  openRemote(id: number): void {
    const next = this.lastRemoteId === 0 ? 1 : this.lastRemoteId + 2;
    if (id > next && this.#gaps.length < GAPS * 2) this.#gaps.push(next, id - 2);
    this.lastRemoteId = id;
  }

  /** Why `get` returns nothing. */
  absence(id: number): Absence {
    const local = (id % 2 === 1) === (this.#role === "client");
    if (id > (local ? this.lastLocalId : this.lastRemoteId)) return "idle";
    if (this.#ended.includes(id)) return "ended";
    return !local && this.#isGap(id) ? "skipped" : "closed";
  }

  #isGap(id: number): boolean {
    for (let at = 0; at < this.#gaps.length; at += 2) {
      if (id >= this.#gaps[at]! && id <= this.#gaps[at + 1]!) return true;
    }
    return false;
  }
}
