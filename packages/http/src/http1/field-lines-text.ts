/** Field lines in wire format, from name, value, name, value, ...: each with its CRLF. */
export function fieldLinesText(raw: readonly string[]): string {
  let text = "";
  for (let at = 0; at < raw.length; at += 2) text += `${raw[at]!}: ${raw[at + 1]!}\r\n`;
  return text;
}
