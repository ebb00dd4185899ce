import { createStreamDigester, type Digests, formatDigestField, TrailsumError } from "@trailsum/shared";

import type { Redirect } from "../../transfer/redirects.ts";
import { repeatedElsewhere, type UploadOutcome, uploadOutcome } from "../upload-outcome.ts";
import type { Delivering } from "./delivering.ts";
import { sendContent } from "./send-content.ts";
import type { Attempt } from "./with-trailers.ts";

/** Reads the source for its digests, and then sends them in the header and the content after them. */
export async function deliverInHeader(delivering: Delivering, { sending }: Attempt): Promise<UploadOutcome | Redirect> {
  const digests = await digestsOf(delivering);
  const answer = await sendContent(delivering, {
    fields: [["Repr-Digest", formatDigestField(digests)]],
    trailers: false,
    digests: true,
    sending,
  });
  if (sending.sent !== undefined && !areSame(digests, sending.sent))
    throw new TrailsumError(
      "FILE_CHANGED",
      "the source changed while it was read twice: retry when nothing is writing to it",
    );
  return repeatedElsewhere(delivering, answer) ?? uploadOutcome(delivering, answer, sending.sent);
}

async function digestsOf({ source, algorithms, ownDispatcher, signal, progress }: Delivering): Promise<Digests> {
  const digester = await createStreamDigester(algorithms, source.size);
  try {
    for await (const piece of source.read({ inTurn: ownDispatcher, shared: digester.memory })) {
      signal?.throwIfAborted();
      await digester.update(piece);
      progress.moved("hashing", digester.size, source.size);
    }
    return await digester.digest();
  } finally {
    digester.close();
  }
}

function areSame(one: Digests, other: Digests): boolean {
  return (
    one.size === other.size &&
    [...one.values].every(([algorithm, value]) => other.values.get(algorithm)?.equals(value) === true)
  );
}
