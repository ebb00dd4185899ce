import { type FieldLine, FieldLines, formatUploadTarget, TrailsumError } from "@trailsum/shared";

import { checkBeforeContent, commitCondition } from "../request/conditional-request.ts";
import { refuseByHead, uploadPath } from "../receive-upload.ts";
import type { RequestHead } from "../request/request-head.ts";
import { refuseUnsigned, secondsNow, type SignedMessage } from "../request/upload-signature.ts";
import { refuseUnsupported } from "../request/unsupported-write.ts";
import { proceed, sendShort, type UploadExchange } from "../upload-exchange.ts";
import { contentCheck } from "./content-check.ts";
import { newUpload } from "./new-upload.ts";
import type { Append, Upload } from "./upload.ts";
import type { UploadContext } from "./upload-context.ts";
import { inconsistentLength } from "./upload-errors.ts";
import {
  booleanField,
  INTEROP_VERSION,
  limitOf,
  progressFields,
  sizeField,
  uploadFieldNames,
} from "./upload-fields.ts";
import { newUploadId, uploadLocation } from "./upload-location.ts";

// Upload resources as draft-ietf-httpbis-resumable-upload describes them, at interop version 8.

/** Whether a request to a target creates an upload resource (draft section 4.2). */
export function createsUpload({ header }: RequestHead): boolean {
  return header.has("Upload-Complete") || header.has("Upload-Draft-Interop-Version");
}

/** Creates an upload resource with the content of a request: complete or a part (draft section 4.2). */
export async function createUpload(request: UploadExchange, context: UploadContext): Promise<void> {
  const { head, exchange } = request;
  // Without a version, no interim response: that is what one is sent for (draft section 4.1.2).
  const interim = head.header.has("Upload-Draft-Interop-Version");
  if (interim) checkVersion(head);
  const last = booleanField(head.header, "Upload-Complete");
  if (last === undefined) throw new TrailsumError("PROTOCOL", "the request has no Upload-Complete: send ?1 or ?0");
  if (head.header.has("Upload-Offset"))
    throw new TrailsumError("NOT_SUPPORTED", "a new upload has no Upload-Offset: send it to the upload resource");
  const path = uploadPath(head);
  refuseUnsupported(withoutUploadFields(head));
  refuseByHead(head, context.policy.maxSize);
  if (last) refuseUnsigned(head, context.policy);
  const length = sizeField(head.header, "Upload-Length") ?? (last ? head.size : undefined);
  checkLength(head, { last, length, maxSize: context.policy.maxSize });
  const condition = commitCondition(head);
  if (condition !== undefined) await checkBeforeContent(context.store, path, condition);

  await context.uploads.create(newUpload(request, { path, length, isWhole: last }), newUploadId(), async (upload) => {
    const location = ["Location", uploadLocation(head, upload.id)] as const;
    const version = ["Upload-Draft-Interop-Version", INTEROP_VERSION] as const;
    if (interim && head.size !== 0)
      exchange.interim(104, FieldLines.from([version, location, limitOf(upload, context.policy)]));
    const check = last ? undefined : contentCheck(head);
    const done = await take(request, context, upload, { offset: 0, last, length, check });
    if (!done) return;
    sendShort(exchange, {
      status: 201,
      header: [location, ...progressFields(upload), limitOf(upload, context.policy)],
      content: Buffer.alloc(0),
    });
  });
}

/** Answers a request to an upload resource (draft sections 4.3 to 4.5). */
export async function answerUpload(request: UploadExchange, upload: Upload, context: UploadContext): Promise<void> {
  const { head, exchange } = request;
  switch (head.method) {
    case "HEAD":
      return sendShort(exchange, { status: 204, header: stateFields(upload, context) });
    case "PATCH":
      return appendToUpload(request, upload, context);
    case "DELETE":
      await upload.discard();
      return sendShort(exchange, { status: 204, header: [] });
    default:
      throw new TrailsumError("METHOD_NOT_ALLOWED", `${head.method} is not answered by an upload resource`);
  }
}

/** Draft section 4.3. */
function stateFields(upload: Upload, { policy }: UploadContext): FieldLines {
  const { length } = upload.record;
  const fields = FieldLines.from([...progressFields(upload), limitOf(upload, policy), ["Cache-Control", "no-store"]]);
  return length === undefined ? fields : fields.with("Upload-Length", String(length));
}

/** Draft section 4.4. */
async function appendToUpload(request: UploadExchange, upload: Upload, context: UploadContext): Promise<void> {
  const { head, exchange } = request;
  const { header } = head;
  if (header.has("Upload-Draft-Interop-Version")) checkVersion(head);
  const type = header.get("Content-Type")?.split(";", 1)[0]!.trim().toLowerCase();
  if (type !== "application/partial-upload")
    throw new TrailsumError("NOT_SUPPORTED", "send what is appended with Content-Type: application/partial-upload", {
      status: 415,
    });
  const offset = sizeField(header, "Upload-Offset");
  const last = booleanField(header, "Upload-Complete");
  if (offset === undefined || last === undefined)
    throw new TrailsumError("PROTOCOL", "an append has an Upload-Offset and an Upload-Complete: send both");
  refuseUnsupported(withoutUploadFields(head));
  refuseConditions(head);
  refuseByHead(head, undefined);
  const length = sizeField(header, "Upload-Length");
  const done = await take(request, context, upload, { offset, last, length, check: contentCheck(head) });
  if (done) sendShort(exchange, { status: 204, header: [...progressFields(upload), limitOf(upload, context.policy)] });
}

/** Takes content, and completes the upload if it is the last. Returns whether the answer is still to be given. */
async function take(
  request: UploadExchange,
  context: UploadContext,
  upload: Upload,
  append: Pick<Append, "offset" | "last" | "length" | "check">,
): Promise<boolean> {
  const { head, exchange } = request;
  const isWhole = append.offset === 0 && append.check === undefined;
  try {
    const appended = await upload.append({
      ...append,
      head,
      content: exchange.content,
      onAccepted: () => proceed(request),
      onDurable(size) {
        if (head.header.get("Upload-Draft-Interop-Version") !== INTEROP_VERSION) return;
        exchange.interim(104, FieldLines.from([["Upload-Offset", String(size)]]));
      },
    });
    if ("refused" in appended) {
      context.refuseContent(request, appended.refused, progressFields(upload));
      return false;
    }
    if (!append.last) return true;
    const { trailer } = appended;
    const completed = await upload.complete({
      header: head.header,
      trailer,
      signed: context.policy.signatureKeys && signedMessage(request, upload, trailer),
      isWhole: isWhole && head.size !== 0,
    });
    if ("refused" in completed) {
      context.refuseContent(request, completed.refused, keptFields(request, upload, context, completed.refused.name));
      return false;
    }
    await context.acknowledge(request, completed, {
      method: upload.record.method,
      mode: head.size === 0 && head.method === "PATCH" ? "two-step" : undefined,
      fields: progressFields(upload),
    });
    return false;
  } catch (error) {
    context.refuse(request, TrailsumError.from(error), progressFields(upload));
    return false;
  }
}

/** The request that completes an upload, and what its signature must cover beside its own parts: what the upload is to be. */
function signedMessage({ head, began }: UploadExchange, { record }: Upload, trailer: FieldLines): SignedMessage {
  const begun = secondsNow() - (performance.now() - began) / 1_000;
  if (head.method !== "PATCH") return { head, trailer, begun };
  const contentType = FieldLines.from(record.fields).get("Content-Type");
  return {
    head,
    trailer,
    begun,
    fields: [formatUploadTarget({ target: `${head.mountPath}${record.target}`, contentType })],
  };
}

/** What a client needs to complete an upload that was refused only for want of digests. */
function keptFields({ head }: UploadExchange, upload: Upload, { policy }: UploadContext, verdict: string): FieldLine[] {
  if (verdict === "mismatched") return [];
  return [["Location", uploadLocation(head, upload.id)], ...progressFields(upload), limitOf(upload, policy)];
}

/** Refuses another version of the draft: its fields have other meanings. */
function checkVersion({ header }: RequestHead): void {
  if (header.get("Upload-Draft-Interop-Version") === INTEROP_VERSION) return;
  throw new TrailsumError(
    "NOT_SUPPORTED",
    `resumable uploads are supported with Upload-Draft-Interop-Version: ${INTEROP_VERSION} only`,
  );
}

function checkLength(
  { size }: RequestHead,
  {
    last,
    length,
    maxSize = Number.POSITIVE_INFINITY,
  }: { last: boolean; length: number | undefined; maxSize?: number | undefined },
): void {
  if (length !== undefined && length > maxSize)
    throw new TrailsumError("TOO_LARGE", `at most ${maxSize} bytes are accepted here`);
  if (length === undefined || size === undefined) return;
  if (size > length || (last && size !== length))
    throw inconsistentLength(`the upload has ${length} bytes, and its content ${size}`);
}

/** The conditions of an upload are those of its creation: an upload resource has no representation to compare. */
function refuseConditions({ header }: RequestHead): void {
  const condition = [...header].find(([name]) => /^if-/i.test(name));
  if (condition !== undefined)
    throw new TrailsumError("NOT_SUPPORTED", `${condition[0]} belongs to the request that creates the upload`);
}

/** The head without the fields that this protocol defines: the remaining fields must be understood without it. */
function withoutUploadFields(head: RequestHead): RequestHead {
  const known = new Set(uploadFieldNames.ietf.map((name) => name.toLowerCase()));
  return { ...head, header: head.header.without((name) => known.has(name.toLowerCase())) };
}
