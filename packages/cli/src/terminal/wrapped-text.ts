/** The words of a text in lines of at most so many columns, each of them after so many spaces. */
export function wrappedText(text: string, columns: number, indent = 0): string[] {
  const width = columns - indent;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => " ".repeat(indent) + each);
}
