import {
  createDigester,
  type FieldLine,
  FieldLines,
  formatDigestField,
  receiptMediaType,
  type SignatureKey,
  signReceipt,
} from "@trailsum/shared";

import { entityTag } from "../request/preconditions.ts";
import { answeredAlgorithms, createReceipt, prefersMinimal } from "./receipt.ts";
import type { StoredUpload } from "../receive-upload.ts";
import { sendShort, type UploadExchange } from "../upload-exchange.ts";
import type { Acknowledgement } from "../uploads/upload-context.ts";

/** How an upload is acknowledged, by default as one of one request, and the key that its receipt is signed with. */
interface SignedAcknowledgement extends Partial<Acknowledgement> {
  readonly key: SignatureKey | undefined;
}

/**
 * Answers an upload that was stored: with a receipt, or without content for a client that prefers that. `Repr-Digest`
 * covers what the answer encloses (RFC 9530 section 3.1, appendix B.8), and the stored object if it encloses nothing (B.7).
 */
export async function acknowledgeUpload(
  { head, exchange }: UploadExchange,
  { path, verdict, created }: StoredUpload,
  { key, method = head.method, fields = [], mode }: SignedAcknowledgement,
): Promise<void> {
  const answered = answeredAlgorithms(head.header, verdict);
  // RFC 9110 sections 9.3.4 and 15.3.2: in these two the tag is that of what was stored.
  const tag = method === "PUT" || created ? entityTag(verdict.computed) : undefined;
  const header: FieldLine[] = tag === undefined ? [...fields] : [...fields, ["ETag", tag]];
  if (prefersMinimal(head.header)) {
    header.push(["Preference-Applied", "return=minimal"]);
    header.push(["Repr-Digest", formatDigestField(verdict.computed, answered)]);
    sendShort(exchange, { status: 204, header });
    return;
  }
  const receipt = Buffer.from(`${JSON.stringify(createReceipt(path, verdict, mode))}\n`);
  const digester = await createDigester(answered);
  digester.update(receipt);
  header.push(["Content-Type", receiptMediaType], ["Repr-Digest", formatDigestField(digester.digest())]);
  const status = created ? 201 : 200;
  if (key !== undefined) {
    const response = { status, header: FieldLines.from(header), content: receipt };
    header.push(...signReceipt(response, key, { created: Math.floor(Date.now() / 1_000) }));
  }
  sendShort(exchange, { status, header, content: receipt });
}
