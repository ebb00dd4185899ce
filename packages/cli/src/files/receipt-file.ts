import { stat, writeFile } from "node:fs/promises";

import type { UploadResult } from "@trailsum/client";
import { type FieldLine, FieldLines, type ReceiptResponse, TrailsumError } from "@trailsum/shared";

/** Checks `--receipt`: there is one receipt for one upload. Throws `USAGE` otherwise. */
export async function checkReceiptFlag(file: string | undefined, paths: readonly string[]): Promise<void> {
  if (file === undefined) return;
  const [path = "", ...others] = paths;
  const isDirectory = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (others.length > 0 || isDirectory) throw new TrailsumError("USAGE", "--receipt is for the upload of one file");
}

/**
 * Writes a receipt with the head of its response, as a message of HTTP/1.1 (RFC 9112 section 2.1) that `curl -i` would print.
 * Throws `NOT_SUPPORTED` if the server sent none.
 */
export async function writeReceipt(
  path: string,
  { status, headers, receiptContent }: Pick<UploadResult, "status" | "headers" | "receiptContent">,
): Promise<void> {
  if (receiptContent === undefined)
    throw new TrailsumError("NOT_SUPPORTED", `nothing to write to ${path}: the server sent no receipt`);
  const fields = [...headers.without((name) => FRAMING.test(name))].map(([name, value]) => `${name}: ${value}\r\n`);
  // Loaded here, since every upload would wait for it.
  const { STATUS_CODES } = await import("node:http");
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${fields.join("")}\r\n`;
  try {
    await writeFile(path, Buffer.concat([Buffer.from(head, "latin1"), receiptContent]));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrailsumError("FILE_UNWRITABLE", `cannot write ${path}: ${reason}`, { cause });
  }
}

const FRAMING = /^(?:transfer-encoding|connection|keep-alive|trailer)$/i;

/** Reads such a file; interim responses before the final one are left out. Throws `USAGE` for anything else. */
export function parseReceiptFile(bytes: Buffer, path: string): ReceiptResponse {
  const text = bytes.toString("latin1");
  for (let at = 0; ;) {
    const [matched, status, lines = ""] = HEAD.exec(text.slice(at)) ?? [];
    if (matched === undefined) throw notAReceipt(path);
    at += matched.length;
    if (Number(status) < 200) continue;
    const header = lines.split(/\r?\n/).flatMap((line): FieldLine[] => {
      const [, name, value] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    });
    return { status: Number(status), header: FieldLines.from(header), content: bytes.subarray(at) };
  }
}

/** The head of a response, of any version. */
const HEAD = /^HTTP\/\d(?:\.\d)? (\d{3})[^\r\n]*\r?\n((?:[^\r\n]+\r?\n)*)\r?\n/;

function notAReceipt(path: string): TrailsumError {
  return new TrailsumError(
    "USAGE",
    `${path} is not a response with a receipt: write one with upload --receipt, or curl -i`,
  );
}
