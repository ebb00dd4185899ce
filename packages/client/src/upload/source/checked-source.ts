import { type Algorithm, createStreamDigester, type Digests, TrailsumError } from "@trailsum/shared";

import type { OpenedSource } from "./opened-source.ts";

/**
 * A source that fails at its end unless its content has these digests: the message is cut off then, and nothing is stored.
 * Rejects at once with `DIGEST_MISMATCHED` for a source in memory.
 */
export async function checkedSource(
  source: OpenedSource,
  checksum: ReadonlyMap<Algorithm, Buffer>,
): Promise<OpenedSource> {
  const { whole } = source;
  if (whole !== undefined) {
    const digester = await createStreamDigester(checksum.keys(), whole.byteLength);
    await digester.update(whole);
    checkDigests(await digester.digest(), checksum);
    return source;
  }
  return {
    ...source,
    async *read(memory) {
      const digester = await createStreamDigester(checksum.keys(), source.size);
      try {
        for await (const chunk of source.read(memory)) {
          await digester.update(chunk);
          yield chunk;
        }
        checkDigests(await digester.digest(), checksum);
      } finally {
        digester.close();
      }
    },
  };
}

function checkDigests({ values }: Digests, checksum: ReadonlyMap<Algorithm, Buffer>): void {
  for (const [algorithm, digest] of checksum) {
    if (values.get(algorithm)?.equals(digest) === true) continue;
    throw new TrailsumError(
      "DIGEST_MISMATCHED",
      `the source does not have the ${algorithm} checksum that was asked for`,
    );
  }
}
