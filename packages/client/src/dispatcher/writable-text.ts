import { errors } from "undici";

/** Octets as latin1 characters, and no control but HTAB (RFC 9110 section 5.5). Anything else could end a line. */
const WRITABLE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Checks all text that is written into a field section or a request line. It is
 * the last check, where nothing can go past it: what callers give has been checked before, with a better message.
 * Throws undici's `InvalidArgumentError`.
 */
export function checkWritable(texts: readonly string[]): void {
  if (WRITABLE.test(texts.join(""))) return;
  const at = texts.findIndex((text) => !WRITABLE.test(text));
  // The text itself may be a secret, or steer a terminal.
  throw new errors.InvalidArgumentError(`a field has a character that cannot be sent (in part ${at} of the section)`);
}
