import { Writable } from "node:stream";

import { proceed } from "../upload-exchange.ts";
import { type ReceivingPolicy, receiveContent } from "./received-content.ts";
import type { S3Request } from "./s3-request.ts";

/** The most bytes of a document: ten thousand parts with their checksums, or a thousand long keys. */
const MAX_DOCUMENT = 4 * 1024 * 1024;

/** Reads the document that a request brings. It is verified as content is. */
export async function receiveDocument(
  request: S3Request,
  { idleTimeout, allowUnverified }: Pick<ReceivingPolicy, "idleTimeout" | "allowUnverified">,
): Promise<Buffer> {
  proceed(request);
  const pieces: Buffer[] = [];
  const destination = new Writable({
    write(piece: Buffer, _encoding, done) {
      pieces.push(piece);
      done();
    },
  });
  await receiveContent(request, destination, { idleTimeout, allowUnverified, maxSize: MAX_DOCUMENT });
  return Buffer.concat(pieces);
}
