import { type Algorithm, allAlgorithms, FieldLines } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { type FieldsInit, rawFields } from "../dispatcher/request-fields.ts";
import type { ProgressReport } from "../transfer/progress.ts";
import { headObject, verdictIfSame } from "../transfer/unchanged.ts";
import type { OpenedSource } from "./source/opened-source.ts";
import type { UploadResult } from "./upload.ts";

/** What an upload was asked for. */
interface UnchangedUploadOptions {
  readonly algorithms: readonly Algorithm[];
  readonly dispatcher: Dispatcher;
  readonly headers: FieldsInit | undefined;
  readonly signal: AbortSignal | undefined;
  readonly progress: ProgressReport;
}

/** The result if the server has the content already; undefined if it does not, or if that cannot be determined. */
export async function unchangedUpload(
  source: OpenedSource,
  target: URL,
  { algorithms, dispatcher, headers, signal, progress }: UnchangedUploadOptions,
): Promise<UploadResult | undefined> {
  const { rereadable, size } = source;
  if (!rereadable || size === undefined) return undefined;
  // What HEAD meets, the upload will meet, and say what it is.
  const asked = { dispatcher, headers: FieldLines.fromRaw(rawFields(headers)), signal };
  const remote = await headObject(target, asked).catch(() => undefined);
  if (remote === undefined) return undefined;
  const onHashed = (hashed: number): void => progress.moved("hashing", hashed, size);
  const local = { size, read: () => source.read({ inTurn: false }), onHashed };
  const verdict = await verdictIfSame(remote, local, { compute: algorithms, supported: allAlgorithms });
  if (verdict === undefined) return undefined;
  const { computed } = verdict;
  const values = new Map([...computed.values].filter(([algorithm]) => algorithms.includes(algorithm)));
  return {
    url: remote.url.href,
    status: remote.status,
    seeOther: undefined,
    digests: { size: computed.size, values },
    confirmedBy: "server",
    receipt: undefined,
    receiptContent: undefined,
    headers: remote.headers,
    delivery: { mode: "none", reason: "the server has the content already", attempts: 0 },
    unchanged: true,
  };
}
