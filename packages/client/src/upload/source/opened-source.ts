import type { FileVersion } from "@trailsum/files";

/** What a source may hold, in bytes, to be read at once. */
export const MAX_WHOLE = 65_536;

/** The memory that a source is read into. */
export interface ReadingMemory {
  /**
   * Whether pieces may use the same memory in turn: the consumer must have released one when it asks for the next but
   * one.
   */
  readonly inTurn: boolean;
  /**
   * Where pieces may be put besides, in turn, each byte at its offset modulo the size of this. A piece is written over
   * after so many others that they fill three quarters of the ring.
   */
  readonly shared?: SharedArrayBuffer | undefined;
}

/** A source that is ready to be read. */
export interface OpenedSource {
  /** Bytes in all, where that is known. */
  readonly size: number | undefined;
  /** Whether it can be read again from its start. */
  readonly rereadable: boolean;
  /** Which version of which file it is, where it is a regular file. */
  readonly version?: FileVersion;
  /** All of its bytes, where they are so few that they were read at once. */
  readonly whole?: Uint8Array;
  /** Reads it from its start. */
  read(memory: ReadingMemory): AsyncIterable<Uint8Array>;
  /** Releases the source. */
  close(): Promise<void>;
}
