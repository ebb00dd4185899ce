/** A destination that is ready to be written to. */
export interface OpenedDestination {
  /** Whether what was written can be taken back, and another attempt begin from the start. */
  readonly rewritable: boolean;
  /** Resolves when more may be written. */
  write(chunk: Uint8Array): Promise<void>;
  /** Takes back all that was written. Only where it is rewritable. */
  restart(): Promise<void>;
  /** All of it has been accepted: makes it last, and seen. */
  commit(): Promise<void>;
  /** It has not been accepted: leaves nothing behind. */
  discard(error: Error): Promise<void>;
}
