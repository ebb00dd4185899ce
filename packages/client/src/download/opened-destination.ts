import type { FieldLines } from "@trailsum/shared";

/** The response that the content of a destination began with: enough to continue it later. */
export interface BegunResponse {
  /** The URL that was asked for. */
  readonly target: string;
  /** The URL that answered, after redirects. */
  readonly url: string;
  /** Its header. */
  readonly header: FieldLines;
}

/** What an earlier run left of a download. */
export interface EarlierContent extends BegunResponse {
  /** Bytes. */
  readonly size: number;
  /** Reads it from its start. A piece may be overwritten when the next one is asked for. */
  read(): AsyncIterable<Uint8Array>;
}

/** A destination that can be written to at any position. */
export interface RandomAccess {
  /** Writes at a position. */
  write(chunk: Uint8Array, position: number): Promise<void>;
  /** Reads what was written. A piece may be overwritten when the next one is asked for. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  /** Everything before `size` is complete now; `write` of the destination continues there. */
  settle(size: number): Promise<void>;
  /** Removes everything after `size`. */
  trim(size: number): Promise<void>;
}

/** A destination that is ready to be written to. */
export interface OpenedDestination {
  /** Whether what was written can be taken back, and another attempt begin from the start. */
  readonly rewritable: boolean;
  /** Absent for streams. */
  readonly random?: RandomAccess;
  /** What an earlier run left, where the download continues it. */
  readonly earlier?: EarlierContent | undefined;
  /** Takes the next piece. Await what it returns before the next one. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** Takes back all that was written. Only where it is rewritable. */
  restart(): Promise<void>;
  /** Notes which response the content begins with; undefined if it cannot be continued. Call it before its content is written. */
  begin(response: BegunResponse | undefined): Promise<void>;
  /** The content was accepted: makes it durable and visible. */
  commit(): Promise<void>;
  /** The content was not accepted: removes it, except for what a later run can continue. */
  discard(error: Error): Promise<void>;
}
