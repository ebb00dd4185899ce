import { type Algorithm, isAlgorithm } from "./algorithms.ts";
import type { DeliveryMode } from "./exchange-record.ts";
import { parseJsonObject } from "./json-object.ts";
import { type VerdictName } from "./verdict.ts";

/** The media type of a receipt. */
export const receiptMediaType = "application/json";

/** The description of a stored upload: the JSON content of a 200 or 201. */
export interface Receipt {
  /** The name under which it was stored: decoded, without a leading slash. */
  readonly path: string;
  /** The size of what was stored, in bytes. */
  readonly size: number;
  /** The digests of what was stored, as lower-case hex, computed by the server. */
  readonly digests: Partial<Record<Algorithm, string>>;
  /** `verified`, or `unverified` where the server accepts that. */
  readonly verdict: VerdictName;
  /**
   * How the digests reached the server: as trailers, in the header, or in the header of a second request. Absent in receipts of
   * servers that do not say.
   */
  readonly mode?: DeliveryMode;
  /** The integrity fields of the request that held. */
  readonly verifiedBy: readonly string[];
  /** The algorithms whose digests were compared and held, the strongest first. */
  readonly algorithms: readonly Algorithm[];
}

/** Reads the content of an answer as a receipt; undefined if it is something else. */
export function parseReceipt(content: string): Receipt | undefined {
  const value = parseJsonObject<Receipt>(content);
  if (value === undefined) return undefined;
  const { path, size, digests, verdict, verifiedBy, algorithms } = value;
  if (typeof path !== "string" || !Number.isSafeInteger(size)) return undefined;
  if (typeof digests !== "object" || digests === null || !Array.isArray(verifiedBy)) return undefined;
  if (verdict !== "verified" && verdict !== "unverified") return undefined;
  const known: [Algorithm, string][] = [];
  for (const [algorithm, hex] of Object.entries(digests)) {
    if (isAlgorithm(algorithm) && typeof hex === "string") known.push([algorithm, hex]);
  }
  const fields = verifiedBy.filter((field): field is string => typeof field === "string");
  const checked = Array.isArray(algorithms) ? algorithms.filter(isKnown) : [];
  return {
    path,
    size: Number(size),
    digests: Object.fromEntries(known),
    verdict,
    verifiedBy: fields,
    algorithms: checked,
  };
}

function isKnown(algorithm: unknown): algorithm is Algorithm {
  return typeof algorithm === "string" && isAlgorithm(algorithm);
}
