import { addFields } from "@trailsum/http/inbound";
import { type FieldLine, FieldLines, TrailsumError, type Verdict } from "@trailsum/shared";

import { checkBeforeContent, commitCondition } from "../request/conditional-request.ts";
import { parseObjectPath } from "../stores/object-path.ts";
import { refuseByHead } from "../receive-upload.ts";
import type { RequestHead } from "../request/request-head.ts";
import { refuseUnsupported } from "../request/unsupported-write.ts";
import { proceed, sendShort, type UploadExchange } from "../upload-exchange.ts";
import { newUpload } from "./new-upload.ts";
import { checksumCheck, claimOfMetadata, fieldsOfMetadata, parseMetadata, TUS_VERSION } from "./tus-fields.ts";
import type { Upload } from "./upload.ts";
import type { UploadContext } from "./upload-context.ts";
import { mismatchingOffset, noSuchUpload } from "./upload-errors.ts";
import { sizeField, uploadFieldNames } from "./upload-fields.ts";
import { newUploadId, uploadLocation } from "./upload-location.ts";

// Upload resources as tus 1.0 describes them.

const CONTENT_TYPE = "application/offset+octet-stream";
const NOT_SIGNABLE =
  "uploads must be signed here, which tus has no way to do: send a PUT, or a resumable upload of the IETF draft";
/** Every response has it. */
const RESUMABLE: FieldLine = ["Tus-Resumable", TUS_VERSION];

/** Whether a request speaks tus. */
export function speaksTus({ header }: RequestHead): boolean {
  return header.has("Tus-Resumable") || contentType(header) === CONTENT_TYPE;
}

/** The method that is meant: clients that cannot send all of them name it in a field. */
export function tusMethod({ method, header }: RequestHead): string {
  return (method === "POST" && header.get("X-HTTP-Method-Override")?.toUpperCase()) || method;
}

/** Adds to the response what every response has, whatever sends it. */
export function markTus({ exchange }: UploadExchange): void {
  addFields(exchange, [RESUMABLE]);
}

/** Creates an upload resource: at a directory under the name in its metadata, at any other target for that object. */
export async function createTusUpload(request: UploadExchange, context: UploadContext): Promise<void> {
  const { head, exchange } = request;
  await answered(request, context, async () => {
    const { header } = head;
    if (context.policy.signatureKeys !== undefined) throw new TrailsumError("SIGNATURE_INVALID", NOT_SIGNABLE);
    const metadata = parseMetadata(header.get("Upload-Metadata"));
    const id = newUploadId();
    const target = objectTarget(head, metadata.get("filename") || id);
    await context.checkAccess(request, "PUT", target);
    const { path } = parseObjectPath(target);
    const length = sizeField(header, "Upload-Length");
    const defers = header.get("Upload-Defer-Length") === "1";
    if ((length === undefined) !== defers)
      throw new TrailsumError("PROTOCOL", "a new upload has an Upload-Length, or Upload-Defer-Length: 1");
    refuseOthers(head);
    refuseByHead(length === undefined ? head : { ...head, size: length }, context.policy.maxSize);
    if (head.size !== 0) checkContentType(header);
    const condition = commitCondition(head);
    if (condition !== undefined) await checkBeforeContent(context.store, path, condition);

    const fields = fieldsOfMetadata(metadata);
    const created = newUpload(request, {
      path,
      length,
      isWhole: false,
      fields,
      metadata: header.get("Upload-Metadata"),
    });
    const claims = [...created.header, ...claimOfMetadata(metadata)];
    const remembered = { ...created, method: "PUT", target, header: claims };
    await context.uploads.create(remembered, id, async (upload) => {
      const location: FieldLine = ["Location", uploadLocation(head, id)];
      if (head.size === 0 && !upload.whole) {
        sendShort(exchange, {
          status: 201,
          header: [location, ...progress(upload)],
          content: Buffer.alloc(0),
        });
      } else await append(request, context, upload, { offset: 0, status: 201, fields: [location] });
    });
  });
}

/** Answers a request to an upload resource. */
export async function answerTusUpload(request: UploadExchange, upload: Upload, context: UploadContext): Promise<void> {
  const { head, exchange } = request;
  await answered(request, context, async () => {
    const { length, metadata } = upload.record;
    switch (tusMethod(head)) {
      case "HEAD":
        // A killed process may have left this state, and the client considers it published.
        if (upload.whole && !upload.published && (await publish(request, upload, context)) !== undefined)
          throw noSuchUpload();
        return sendShort(exchange, {
          status: 200,
          header: [
            ...progress(upload),
            length === undefined ? ["Upload-Defer-Length", "1"] : ["Upload-Length", String(length)],
            ...(metadata === undefined ? [] : [["Upload-Metadata", metadata] as const]),
            ["Cache-Control", "no-store"],
          ],
          content: Buffer.alloc(0),
        });
      case "PATCH": {
        checkContentType(head.header);
        refuseOthers(head);
        const offset = sizeField(head.header, "Upload-Offset");
        if (offset === undefined) throw new TrailsumError("PROTOCOL", "an append has an Upload-Offset: send one");
        if (upload.published && offset !== upload.offset) throw mismatchingOffset(upload.offset, offset);
        // The answer to the last append may have been lost: another one without content changes nothing.
        if (upload.published && head.size === 0) return sendShort(exchange, { status: 204, header: progress(upload) });
        return append(request, context, upload, { offset, status: 204, fields: [] });
      }
      case "DELETE":
        await upload.discard();
        return sendShort(exchange, { status: 204, header: [] });
      default:
        throw new TrailsumError("METHOD_NOT_ALLOWED", `${head.method} is not answered by an upload resource`);
    }
  });
}

interface TusAppend {
  readonly offset: number;
  /** The status and further fields of the answer. */
  readonly status: number;
  readonly fields: readonly FieldLine[];
}

/** Appends content. When it is complete the object is published, or refused for its verdict. */
async function append(
  request: UploadExchange,
  context: UploadContext,
  upload: Upload,
  { offset, status, fields }: TusAppend,
): Promise<void> {
  const { head, exchange } = request;
  const appended = await upload.append({
    head,
    content: exchange.content,
    offset,
    last: false,
    length: sizeField(head.header, "Upload-Length"),
    check: checksumCheck(head.header),
    onAccepted: () => proceed(request),
    onDurable: () => {},
  });
  if ("refused" in appended) {
    const { refused } = appended;
    // 460 Checksum Mismatch, of the extension `checksum`.
    const own = refused.name === "mismatched" ? 460 : undefined;
    return context.refuseContent(request, refused, [...fields, ...progress(upload)], own);
  }
  const refused = upload.whole ? await publish(request, upload, context) : undefined;
  if (refused !== undefined) return context.refuseContent(request, refused, []);
  const content = status === 204 ? undefined : Buffer.alloc(0);
  sendShort(exchange, { status, header: [...fields, ...progress(upload)], content });
}

/**
 * Publishes an upload whose content is all there. Returns the verdict if that refuses it: then the upload is gone, because to
 * clients of tus it would look complete.
 */
async function publish(
  request: UploadExchange,
  upload: Upload,
  { reportStored }: UploadContext,
): Promise<Verdict | undefined> {
  const none = FieldLines.empty;
  const completed = await upload.complete({ header: none, trailer: none, signed: undefined, isWhole: false });
  if (!("refused" in completed)) {
    await reportStored(request, completed);
    return undefined;
  }
  await upload.discard();
  return completed.refused;
}

/** Checks the version first. */
async function answered(request: UploadExchange, context: UploadContext, answer: () => Promise<void>): Promise<void> {
  try {
    if (request.head.header.get("Tus-Resumable") !== TUS_VERSION) {
      const error = new TrailsumError("NOT_SUPPORTED", `Tus-Resumable is not ${TUS_VERSION}`, { status: 412 });
      return context.refuse(request, error, [["Tus-Version", TUS_VERSION]]);
    }
    await answer();
  } catch (error) {
    context.refuse(request, TrailsumError.from(error), []);
  }
}

function progress(upload: Upload): FieldLine[] {
  const expires: FieldLine = ["Upload-Expires", new Date(upload.record.expires).toUTCString()];
  return [["Upload-Offset", String(upload.offset)], ...(upload.published ? [] : [expires])];
}

/** The target of the object. A name for a directory is one segment, with any characters. */
function objectTarget({ target }: RequestHead, name: string): string {
  const [path = ""] = target.split("?", 1);
  return path.endsWith("/") ? `${path}${encodeURIComponent(name)}` : path;
}

function contentType(header: FieldLines): string | undefined {
  return header.get("Content-Type")?.split(";", 1)[0]!.trim().toLowerCase();
}

function checkContentType(header: FieldLines): void {
  if (contentType(header) === CONTENT_TYPE) return;
  throw new TrailsumError("NOT_SUPPORTED", `send content with Content-Type: ${CONTENT_TYPE}`, { status: 415 });
}

/** Refuses what neither tus nor this server defines. */
function refuseOthers(head: RequestHead): void {
  const known = new Set([...uploadFieldNames.tus, "X-HTTP-Method-Override"].map((name) => name.toLowerCase()));
  refuseUnsupported({ ...head, header: head.header.without((name) => known.has(name.toLowerCase())) });
}
