import { malformed } from "./malformed.ts";

/** How much content a message has to have by its Content-Length (RFC 9113 section 8.1.1). */
export class ExpectedContent {
  /** Octets that have not come; nothing where the content may be of any length. */
  #missing: number | undefined;

  /** Takes the length that the header section gives, if it gives one. */
  expect(length: number | undefined): void {
    this.#missing = length;
  }

  /** Counts content. Throws where there is more than was announced. */
  count(length: number): void {
    if (this.#missing === undefined) return;
    this.#missing -= length;
    if (this.#missing < 0) throw malformed("more content than Content-Length says");
  }

  /** The message ends. Throws where there is less than was announced. */
  end(): void {
    if (this.#missing !== undefined && this.#missing !== 0) throw malformed("less content than Content-Length says");
  }
}
