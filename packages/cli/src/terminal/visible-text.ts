/** Control characters, those that change the direction of text or cannot be seen, and line separators. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const PLAIN = /^[ -~]*$/;

/**
 * `text` with every character escaped that could steer a terminal, forge a line of a log or hide part of one, such as
 * ESC, LF and U+202E: `\u001b`. Text that comes from a peer or a file system is written to a terminal only like this.
 */
export function visibleText(text: string): string {
  // By far the most common, and looked at for every line of a log.
  if (PLAIN.test(text)) return text;
  return text.replaceAll(INVISIBLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xff_ff ? `\\u{${code.toString(16)}}` : unicodeEscape(code);
  });
}

/** The same for a line of JSON, which stays the same JSON: its line end is kept, and the escapes are JSON's. */
export function visibleJson(line: string): string {
  const text = line.trimEnd();
  if (PLAIN.test(text)) return line;
  const escaped = text.replaceAll(INVISIBLE, (character) =>
    Array.from({ length: character.length }, (_, at) => unicodeEscape(character.charCodeAt(at))).join(""),
  );
  return `${escaped}\n`;
}

function unicodeEscape(code: number): string {
  return `\\u${code.toString(16).padStart(4, "0")}`;
}
