/** Makes untrusted text safe for a terminal: no control or invisible characters, and a limited length. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ").slice(0, 500);
}
