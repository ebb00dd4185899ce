import {
  type Digests,
  type FieldLine,
  FieldLines,
  formatDigestField,
  probeRelation,
  TrailsumError,
} from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { type FieldsInit, rawFields } from "../dispatcher/request-fields.ts";
import { type ShortResponse, fetchShort } from "../transfer/short-response.ts";
import { type Hop, isForOneOrigin, locationIn, nextHop } from "../transfer/redirects.ts";
import { refusal } from "../transfer/refusal.ts";
import { userAgent } from "../transfer/user-agent.ts";

/** The version of draft-ietf-httpbis-resumable-upload that is spoken (`Upload-Draft-Interop-Version`). */
const INTEROP_VERSION = "8";

/** The media type of what is appended (draft section 4.4). */
const PARTIAL_UPLOAD = "application/partial-upload";

/** How long a server may take to give an upload resource up. Milliseconds. */
const CANCEL_TIMEOUT = 10_000;

/** How the requests to upload resources are sent. */
export interface UploadRequesting {
  readonly dispatcher: Dispatcher;
  /** The caller's fields. Those about content and those that are conditions are sent with the creation only. */
  readonly headers: FieldsInit | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What a server supports at a target. */
export interface UploadSupport {
  /** Whether it has upload resources of the version spoken here. */
  readonly uploadResources: boolean;
  /** Where a probe can be sent; undefined where the server names no such place, as only a trailsum server does. */
  readonly probe: URL | undefined;
}

/** An upload resource: content that the server keeps until it is completed. */
export interface UploadResource {
  readonly hop: Hop;
  /** What its content is to become: where it was created, redirects followed. */
  readonly target: URL;
  /** How many bytes the server said it has; undefined if it did not say. */
  readonly offset: number | undefined;
}

/** The state of an upload resource. */
export interface UploadState {
  /** How many bytes the server has. */
  readonly offset: number;
  /** Whether the upload has been completed: nothing can be appended. */
  readonly complete: boolean;
  /** Bytes in all, where the server knows. */
  readonly length: number | undefined;
}

/** The content of one append. */
export interface AppendedContent {
  /** How many bytes the server has before it. */
  readonly offset: number;
  /** Whether the upload is complete after it. */
  readonly complete: boolean;
  readonly body: NonNullable<Dispatcher.DispatchOptions["body"]>;
  readonly rereadable?: boolean;
  /**
   * Whether the server may send interim responses. A trailsum server sends none without; other servers may need what says so.
   * @default true
   */
  readonly interim?: boolean;
  /** Further fields, such as digests. */
  readonly fields?: Iterable<FieldLine>;
  readonly trailers?: Dispatcher.DispatchOptions["trailers"];
}

/**
 * The fields of a request that creates an upload resource. With `complete` the request holds all of the content, and the
 * upload resource is there to continue it if it is cut off; without, the content is staged until the upload is completed.
 * Without `interim` no version is sent, so that a trailsum server sends no 104; other servers may need it.
 */
export function creationFields({ complete, interim }: { complete: boolean; interim: boolean }): FieldLine[] {
  const fields = [uploadComplete(complete)];
  return interim ? [["Upload-Draft-Interop-Version", INTEROP_VERSION], ...fields] : fields;
}

/**
 * Asks what is supported at a target, which changes nothing there. A server that does not answer as an upload resource of
 * trailsum or of the draft does supports nothing. Rejects if no request can reach it.
 */
export async function askForUploadSupport(hop: Hop, requesting: UploadRequesting): Promise<UploadSupport> {
  const request = uploadRequest(hop, "OPTIONS", requesting);
  const answer = await fetchShort(requesting.dispatcher, request, { signal: requesting.signal });
  return uploadSupportIn(hop, answer);
}

/** What a server announces to support in an answer to OPTIONS. */
export function uploadSupportIn(
  { url }: Hop,
  { status, headers }: { readonly status: number; readonly headers: FieldLines },
): UploadSupport {
  const answered = status >= 200 && status < 300;
  const speaks = headers.get("Upload-Draft-Interop-Version") === INTEROP_VERSION;
  return { uploadResources: answered && speaks && headers.has("Upload-Limit"), probe: probeIn(url, headers) };
}

/**
 * The upload resource that a response names: 104, 201 after content was staged, or a refusal after which it is kept.
 * Undefined if it names none, or one that no request may be sent to.
 */
export function namedUploadResource(hop: Hop, headers: FieldLines): UploadResource | undefined {
  // A final response need not repeat the version (draft section 5.1).
  if (headers.get("Upload-Draft-Interop-Version") !== INTEROP_VERSION && isUploadComplete(headers) === undefined)
    return undefined;
  const { to } = locationIn(hop.url, headers);
  return to && { hop: nextHop(hop, to), target: hop.url, offset: uploadOffset(headers) };
}

/** Asks how much of the content the server has. Rejects with `REFUSED` if the upload resource is gone. */
export async function askForUploadState({ hop }: UploadResource, requesting: UploadRequesting): Promise<UploadState> {
  const request = { ...uploadRequest(hop, "HEAD", requesting), reset: false };
  const answer = await fetchShort(requesting.dispatcher, request, { signal: requesting.signal });
  if (answer.status < 200 || answer.status >= 300) throw await refusal(hop.url, answer);
  const offset = uploadOffset(answer.headers);
  if (offset === undefined)
    throw new TrailsumError("PROTOCOL", `${hop.url.origin}: does not say how much of the upload it has`);
  return {
    offset,
    complete: isUploadComplete(answer.headers) ?? false,
    length: wholeNumber(answer.headers, "Upload-Length"),
  };
}

/** Appends content. Resolves with the response, of any status; after the last append it is that of the target. */
export function appendToUpload(
  { hop }: UploadResource,
  { offset, complete, body, rereadable = false, interim = true, fields = [], trailers }: AppendedContent,
  requesting: UploadRequesting,
): Promise<ShortResponse> {
  const request = uploadRequest(hop, "PATCH", requesting, [
    ["Content-Type", PARTIAL_UPLOAD],
    ["Upload-Offset", String(offset)],
    ...creationFields({ complete, interim }),
    ...fields,
  ]);
  const sent = { ...request, body, rereadable, trailers };
  return fetchShort(requesting.dispatcher, sent, { signal: requesting.signal });
}

/**
 * Completes an upload whose content the server has, without content: it is published if these are its digests. `sign` gives
 * further fields, which sign those that it is given. Resolves with the response of the target, of any status.
 */
export function completeUpload(
  resource: UploadResource,
  digests: Digests,
  requesting: UploadRequesting,
  sign: (header: FieldLines) => FieldLine[] = () => [],
): Promise<ShortResponse> {
  const proof: FieldLine = ["Repr-Digest", formatDigestField(digests)];
  const signature = sign(FieldLines.from([["Content-Type", PARTIAL_UPLOAD], proof]));
  return appendToUpload(
    resource,
    { offset: digests.size, complete: true, body: Buffer.alloc(0), fields: [proof, ...signature] },
    requesting,
  );
}

/** Gives an upload resource up: the server need not keep its content. Never rejects. */
export async function cancelUpload({ hop }: UploadResource, requesting: UploadRequesting): Promise<void> {
  const { dispatcher } = requesting;
  // The transfer may have been cancelled itself: this request is not.
  const request = { ...uploadRequest(hop, "DELETE", requesting), headersTimeout: CANCEL_TIMEOUT };
  await fetchShort(dispatcher, request, { signal: undefined }).catch(() => {});
}

/** Whether an upload is complete, as a response says; undefined if it does not. */
export function isUploadComplete(headers: FieldLines): boolean | undefined {
  const value = bareItem(headers, "Upload-Complete");
  return value === "?1" || value === "?0" ? value === "?1" : undefined;
}

/** A request of `method` with the caller's fields that are not about content. */
export function uploadRequest(
  { url, trusted }: Hop,
  method: string,
  { headers }: UploadRequesting,
  own: Iterable<FieldLine> = [],
): Dispatcher.DispatchOptions {
  const given = FieldLines.fromRaw(rawFields(headers)).without(
    (name) => isOfCreation(name) || (!trusted && isForOneOrigin(name)),
  );
  const agent: FieldLine[] = given.has("User-Agent") ? [] : [["User-Agent", userAgent]];
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: [...FieldLines.from([...agent, ...own]).raw, ...given.raw],
  };
}

/** Whether a field is about the content or about what it replaces: the server has kept those since the creation. */
function isOfCreation(name: string): boolean {
  return /^(?:content-|if-|upload-|expect$|repr-digest$|prefer$)/i.test(name);
}

function uploadComplete(complete: boolean): FieldLine {
  return ["Upload-Complete", complete ? "?1" : "?0"];
}

/** How many bytes an upload resource says that it has. */
export function uploadOffset(headers: FieldLines): number | undefined {
  return wholeNumber(headers, "Upload-Offset");
}

/** An integer of 0 or more (RFC 9651 section 3.3.1). */
function wholeNumber(headers: FieldLines, name: string): number | undefined {
  const value = bareItem(headers, name);
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** The value of an item (RFC 9651 section 3.3), without parameters. */
function bareItem(headers: FieldLines, name: string): string | undefined {
  return headers.get(name)?.split(";", 1)[0]!.trim();
}

function probeIn(from: URL, headers: FieldLines): URL | undefined {
  for (const link of headers.list("Link")) {
    const [, target, parameters = ""] = /^<([^<>]*)>(.*)$/s.exec(link) ?? [];
    if (target === undefined || !parameters.includes(`rel="${probeRelation}"`)) continue;
    const url = URL.parse(target, from.href);
    // Content of the caller's goes nowhere else, and neither does a probe.
    if (url !== null && url.origin === from.origin) return url;
  }
  return undefined;
}
