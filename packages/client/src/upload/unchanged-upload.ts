import { type Algorithm, allAlgorithms } from "@trailsum/shared";

import { type Asking, askAbout, verdictIfSame } from "../transfer/unchanged.ts";
import type { OpenedSource } from "./opened-source.ts";
import type { UploadResult } from "./upload.ts";

/** The result of an upload that is not necessary; undefined for one that is, or where that cannot be found out. */
export async function unchangedUpload(
  source: OpenedSource,
  target: URL,
  { algorithms, asking }: { readonly algorithms: readonly Algorithm[]; readonly asking: Asking },
): Promise<UploadResult | undefined> {
  const { rereadable, size } = source;
  if (!rereadable || size === undefined) return undefined;
  // What HEAD meets, the upload will meet, and say what it is.
  const remote = await askAbout(target, asking).catch(() => undefined);
  if (remote === undefined) return undefined;
  const local = { size, read: () => source.read({ inTurn: false }) };
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
    headers: remote.headers,
    delivery: { mode: "none", reason: "the server has the content already", attempts: 0 },
    unchanged: true,
  };
}
