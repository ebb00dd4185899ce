import type { Dispatcher } from "undici";

/** An answer of which nobody needs the content is read no further than this: then its connection is worth less. Bytes. */
const MAX_UNWANTED_BYTES = 131_072;

/** Reads an answer whose content nobody needs to its end, so that the connection can be used again; rejects if it is cut. */
export async function awaitEnd({ body }: Dispatcher.ResponseData<unknown>): Promise<void> {
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_UNWANTED_BYTES) break;
  }
}
