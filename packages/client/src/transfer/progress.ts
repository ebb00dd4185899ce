/** How far a transfer has come. */
export interface Progress {
  /** Bytes of content so far. */
  readonly transferred: number;
  /** Bytes in all, where that is known. */
  readonly total: number | undefined;
}
