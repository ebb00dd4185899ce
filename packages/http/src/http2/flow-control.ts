/** The largest flow-control window (RFC 9113 section 6.9.1). Octets. */
export const MAX_WINDOW: number = 2 ** 31 - 1;

/** The window of a connection, and of a stream unless SETTINGS say otherwise (RFC 9113 section 6.9.2). Octets. */
export const DEFAULT_WINDOW = 65_535;

/** The window for content that is sent, of one stream or of the connection (RFC 9113 section 5.2). */
export class SendWindow {
  /** Octets that may be sent now. Negative when the peer has reduced its initial window (RFC 9113 section 6.9.2). */
  available: number;

  constructor(size: number) {
    this.available = size;
  }

  /** Counts content that is sent. */
  take(length: number): void {
    this.available -= length;
  }

  /** Counts a WINDOW_UPDATE, or a change of the initial window. False where the window would exceed 2^31-1. */
  add(increment: number): boolean {
    this.available += increment;
    return this.available <= MAX_WINDOW;
  }
}

/** The window for content that is received, of one stream or of the connection, and its updates. */
export class ReceiveWindow {
  /** The size of the full window. Octets. */
  #size: number;
  /** What the peer may send now. Octets. Negative after a reduction of the initial window. */
  #available: number;
  /** Content that has been processed and not yet returned to the peer. Octets. */
  #consumed = 0;

  constructor(size: number) {
    this.#size = size;
    this.#available = size;
  }

  /** Counts the payload of a DATA frame, padding included (RFC 9113 section 6.9.1). False where it exceeds the window. */
  receive(length: number): boolean {
    this.#available -= length;
    return this.#available >= 0;
  }

  /**
   * Counts content that has been processed. Returns the increment of the WINDOW_UPDATE to send, or 0: updates are batched until half of the
   * window has been consumed.
   */
  consume(length: number): number {
    this.#consumed += length;
    return this.#consumed * 2 >= this.#size ? this.#giveBack() : 0;
  }

  /** Changes the size, as a new initial window does (RFC 9113 section 6.9.2). */
  resize(size: number): void {
    this.#available += size - this.#size;
    this.#size = size;
  }

  /** Enlarges the size, and returns the increment of the WINDOW_UPDATE to send; 0 for a size that is not larger. */
  enlarge(size: number): number {
    if (size <= this.#size) return 0;
    this.#consumed += size - this.#size;
    this.#size = size;
    return this.#giveBack();
  }

  #giveBack(): number {
    const increment = this.#consumed;
    this.#available += increment;
    this.#consumed = 0;
    return increment;
  }
}
