/**
 * What is left on a terminal by this output: its lines, without those at the end that are empty, and whether the cursor
 * can be seen. Knows what progress bars use: CR, LF, moving within a line, erasing, saving and restoring the cursor.
 */
export function screenOf(output: string): { readonly lines: readonly string[]; readonly cursor: boolean } {
  const lines: string[] = [""];
  let [row, column] = [0, 0];
  let saved = [0, 0];
  let cursor = true;
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  for (const [piece] of output.matchAll(/\x1b\[\??[0-9;]*[A-Za-z]|\x1b[78]|[\s\S]/g)) {
    const line = lines[row] ?? "";
    if (piece === "\n") row += 1;
    else if (piece === "\r") column = 0;
    else if (piece === "\x1b7") saved = [row, column];
    else if (piece === "\x1b8") [row = 0, column = 0] = saved;
    else if (piece === "\x1b[?25l" || piece === "\x1b[?25h") cursor = piece.endsWith("h");
    else if (piece.startsWith("\x1b[") && piece.endsWith("G")) column = Number(piece.slice(2, -1) || "1") - 1;
    else if (piece === "\x1b[K" || piece === "\x1b[0K") lines[row] = line.slice(0, column);
    else if (piece === "\x1b[2K") lines[row] = "";
    else if (piece.endsWith("A") && piece.length > 1) row = Math.max(0, row - Number(piece.slice(2, -1)));
    else if (piece === "\x1b[J") lines.splice(row, lines.length, line.slice(0, column));
    else if (!piece.startsWith("\x1b")) {
      lines[row] = line.slice(0, column).padEnd(column) + piece + line.slice(column + 1);
      column += 1;
    }
    lines[row] ??= "";
  }
  while (lines.at(-1)?.trim() === "") lines.pop();
  return { lines, cursor };
}
