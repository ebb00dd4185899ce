import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

import { type Algorithm, isAlgorithm, type Receipt, TrailsumError, verifyReceipt } from "@trailsum/shared";

import { readNamedFile } from "../files/interruptible-file.ts";
import { parseReceiptFile } from "../files/receipt-file.ts";
import { readSignatureKeys } from "../flags/signature-flags.ts";
import type { Run } from "../process/process-run.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { checkFile } from "./checked-file.ts";

/** A receipt to verify. */
export interface ReceiptArguments {
  /** The file with the receipt. */
  readonly receipt: string;
  /** The file or the directory with the keys of the server. */
  readonly key?: string | undefined;
  /** The file that was uploaded, to compare with it. */
  readonly path?: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

/**
 * Verifies who signed a receipt and, if a file is named, that it is the one that the receipt is for. Without a server. Throws
 * `SIGNATURE_INVALID`, or `STORED_BYTES_DIFFER` for another file.
 */
export async function verifyReceiptFile(given: ReceiptArguments, run: Run): Promise<void> {
  if (given.key === undefined)
    throw new TrailsumError("USAGE", "--receipt needs the public key of the server: --key FILE");
  const keys = await readSignatureKeys(given.key, run.signal);
  const response = parseReceiptFile(await readNamedFile(given.receipt, run.signal), given.receipt);
  const { receipt, keyId, signed } = verifyReceipt(response, { keys, now: Date.now() / 1_000 });
  if (given.path !== undefined) await compare(given.path, receipt, run.signal);
  if (given.quiet) return;
  const { path, size, digests, verdict } = receipt;
  const result = { receipt: given.receipt, path, size, digests, verdict, signed: signed.toISOString(), keyId };
  const line = `${path}: ${size} bytes, ${verdict}, signed ${signed.toISOString()} by ${keyId}`;
  await run.print(given.json ? `${JSON.stringify(result)}\n` : `${visibleText(line)}\n`);
}

/** Compares a file with all digests of a receipt. */
async function compare(path: string, { size, digests }: Receipt, signal: AbortSignal): Promise<void> {
  const expected = new Map<Algorithm, Buffer>();
  for (const [name, hex] of Object.entries(digests)) if (isAlgorithm(name)) expected.set(name, Buffer.from(hex, "hex"));
  if (!["sha-256", "sha-512"].some((name) => Object.hasOwn(digests, name)))
    throw new TrailsumError("DIGEST_MISSING", "the receipt has no sha-256 or sha-512 digest to compare with");
  const file = { name: path, size: await sizeOf(path), expected, read: () => createReadStream(path) };
  const { state, size: read, reason } = await checkFile(file, { limit: undefined, signal, onBytes: () => {} });
  if (state === "unreadable") throw new TrailsumError("FILE_UNREADABLE", `cannot read ${path}: ${reason}`);
  if (state !== "ok" || read !== size)
    throw new TrailsumError("STORED_BYTES_DIFFER", `${path} is not what the receipt is for`);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw new TrailsumError("FILE_UNREADABLE", `cannot read ${path}: no such file or directory`, { cause });
  }
}
