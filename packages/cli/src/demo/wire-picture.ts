import type { WireRecord } from "./wire-tap.ts";

/** A chunked message as sent: its head, the size line of its first chunk, its last chunk and trailers. */
export function wirePicture({ first, last, bytes }: WireRecord): string[] {
  const headEnd = first.indexOf("\r\n\r\n");
  const head = first.slice(0, headEnd).split("\r\n");
  const [firstSize = ""] = first.slice(headEnd + 4).split("\r\n");
  const trailerStart = last.lastIndexOf("\r\n0\r\n");
  const trailers = last.slice(trailerStart + 2).split("\r\n");
  return [
    ...head,
    "",
    `${firstSize}  <- the first chunk, ${Number.parseInt(firstSize, 16).toLocaleString("en")} bytes`,
    `... ${bytes.toLocaleString("en")} bytes in all ...`,
    ...trailers
      .slice(0, -2)
      .map((line) => (line === "0" ? "0  <- the last chunk; what follows are the trailers" : line)),
  ];
}
