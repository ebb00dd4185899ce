/** A source that is ready to be read. */
export interface OpenedSource {
  /** Bytes in all, where that is known. */
  readonly size: number | undefined;
  /** Whether it can be read again from its start. */
  readonly rereadable: boolean;
  /**
   * Reads it from its start. With `inTurn` pieces may use the same memory in turn: whoever is given them has to have let
   * go of one when it has asked for the next two.
   */
  read(inTurn: boolean): AsyncIterable<Uint8Array>;
  /** Lets go of it. */
  close(): Promise<void>;
}
