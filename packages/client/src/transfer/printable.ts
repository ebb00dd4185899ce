/** A stranger's text goes to a terminal: nothing that steers it or that cannot be seen, and not too much of it. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ").slice(0, 500);
}
