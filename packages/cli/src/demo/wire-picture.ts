import type { WireRecord } from "./wire-tap.ts";

/** A chunked message in its parts: field lines as they were on the wire, and what is said about the content. */
export interface WirePicture {
  /** The start line and the field lines. */
  readonly head: readonly string[];
  /** Everything that was sent, head and framing included. */
  readonly bytes: number;
  /** The size line of the first chunk. */
  readonly firstChunk: string;
  /** The field lines after the last chunk. */
  readonly trailers: readonly string[];
}

export function wirePicture({ first, last, bytes }: WireRecord): WirePicture {
  const headEnd = first.indexOf("\r\n\r\n");
  const [firstChunk = ""] = first.slice(headEnd + 4).split("\r\n");
  const end = last.lastIndexOf("\r\n0\r\n");
  return {
    head: first.slice(0, headEnd).split("\r\n"),
    bytes,
    firstChunk,
    trailers:
      end === -1
        ? []
        : last
            .slice(end + 5)
            .split("\r\n")
            .slice(0, -2),
  };
}

/** The picture in lines of at most so many columns. */
export function pictureLines({ head, bytes, firstChunk, trailers }: WirePicture, columns: number): string[] {
  return [
    ...head.flatMap((line) => folded(line, columns)),
    "",
    `${firstChunk}  <- the first chunk, ${Number.parseInt(firstChunk, 16).toLocaleString("en")} bytes`,
    `... ${bytes.toLocaleString("en")} bytes in all ...`,
    `0  <- the last chunk${trailers.length === 0 ? "" : "; the trailers follow"}`,
    ...trailers.flatMap((line) => folded(line, columns)),
  ];
}

/** A line that is too long is wrapped, indented: between members of a list where that is possible. */
function folded(line: string, columns: number): string[] {
  if (line.length <= columns) return [line];
  const comma = line.lastIndexOf(", ", columns - 1);
  const at = comma === -1 ? columns : comma + 1;
  return [line.slice(0, at), ...folded(`    ${line.slice(at).trimStart()}`, columns)];
}
