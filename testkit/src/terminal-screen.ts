/**
 * The text that a terminal shows for the bytes that were written to it: carriage returns, erasing to the end of the line or
 * of the screen, and cursor movements upwards are applied; colours and other control sequences are ignored.
 */
export function terminalScreen(written: string): string {
  const rows: string[] = [""];
  let row = 0;
  let column = 0;
  // oxlint-disable-next-line no-control-regex -- control sequences are what this is about
  for (const [token] of written.matchAll(/\x1b\[[?\d;]*[A-Za-z]|\x1b\][^\x07]*\x07|[^]/g)) {
    if (token === "\n") {
      row += 1;
      column = 0;
      rows[row] ??= "";
    } else if (token === "\r" || token === "\x1b[1G") column = 0;
    else if (token === "\b") column = Math.max(column - 1, 0);
    else if (token.endsWith("A") && token.startsWith("\x1b[")) row = Math.max(row - Number(token.slice(2, -1) || 1), 0);
    else if (token === "\x1b[K" || token === "\x1b[0K") rows[row] = rows[row]!.slice(0, column);
    else if (token === "\x1b[J") {
      rows[row] = rows[row]!.slice(0, column);
      rows.length = row + 1;
    } else if (token.length === 1 && token >= " ") {
      const line = rows[row]!.padEnd(column);
      rows[row] = line.slice(0, column) + token + line.slice(column + 1);
      column += 1;
    }
  }
  return rows.map((line) => line.trimEnd()).join("\n");
}
