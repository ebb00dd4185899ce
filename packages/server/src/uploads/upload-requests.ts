import { type Digests, type FieldLine, TrailsumError } from "@trailsum/shared";

import type { RefusedContent } from "../receive-upload.ts";
import type { StagedObject } from "../stores/store.ts";
import { sendShort, type UploadExchange } from "../upload-exchange.ts";
import { answerUpload, createsUpload, createUpload } from "./ietf.ts";
import { newUpload } from "./new-upload.ts";
import { answerTusUpload, createTusUpload, markTus, speaksTus, tusMethod } from "./tus.ts";
import type { UploadContext } from "./upload-context.ts";
import { INTEROP_VERSION, uploadLimit, uploadOptions } from "./upload-fields.ts";
import { uploadIdIn, uploadLocation } from "./upload-location.ts";
import type { Uploads } from "./uploads.ts";

/** The methods of an upload resource, as `Allow` lists them. */
const ALLOW = "HEAD, PATCH, DELETE, OPTIONS";

/** Answers a request that is about an upload resource: one to it, or one that creates it. Undefined for any other. */
export function uploadAnswer(request: UploadExchange, context: UploadContext): Promise<void> | undefined {
  const { head } = request;
  const id = uploadIdIn(head.target);
  if (id !== undefined) return answerAtUpload(request, id, context);
  if (head.method !== "PUT" && head.method !== "POST") return undefined;
  if (speaksTus(head)) {
    markTus(request);
    return createTusUpload(request, context);
  }
  return createsUpload(head) ? createUpload(request, context) : undefined;
}

async function answerAtUpload(request: UploadExchange, id: string, context: UploadContext): Promise<void> {
  const { head, exchange } = request;
  const tus = speaksTus(head);
  if (tus) markTus(request);
  const method = tus ? tusMethod(head) : head.method;
  if (method === "OPTIONS") {
    const header: FieldLine[] = [["Allow", ALLOW], ...uploadOptions(context.uploads, context.policy)];
    return sendShort(exchange, { status: 204, header });
  }
  if (!["HEAD", "PATCH", "DELETE"].includes(method)) {
    const error = new TrailsumError("METHOD_NOT_ALLOWED", `${method} is not answered here: use ${ALLOW}`);
    return context.refuse(request, error, [["Allow", ALLOW]]);
  }
  await context.uploads.use(id, async (upload) => {
    await context.checkAccess(request, upload.record.method, upload.record.target);
    await (tus ? answerTusUpload : answerUpload)(request, upload, context);
  });
}

/** Keeps a staged object whose digests are missing. Returns the id of its upload, if there is room. */
export function keepStaged(
  uploads: Uploads,
  request: UploadExchange,
  path: string,
  staged: StagedObject,
  computed: Digests,
): Promise<string | undefined> {
  const { size: length } = computed;
  return uploads.keep(staged, { ...newUpload(request, { path, length, isWhole: true }), digests: computed });
}

/** The fields of a refusal that name the upload that holds the content. */
export function keptFields(
  { head }: UploadExchange,
  { refused, kept }: RefusedContent,
  { uploads, policy }: UploadContext,
): FieldLine[] {
  if (kept === undefined) return [];
  return [
    ["Location", uploadLocation(head, kept)],
    ["Upload-Draft-Interop-Version", INTEROP_VERSION],
    ["Upload-Offset", String(refused.computed.size)],
    ["Upload-Complete", "?0"],
    uploadLimit(policy, uploads.keptFor),
  ];
}
