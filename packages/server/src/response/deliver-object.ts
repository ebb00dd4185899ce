import { type Algorithm, type FieldLine, formatDigestField, TrailsumError } from "@trailsum/shared";

import { type ByteRange, contentRange, type RangeSelection, selectRanges } from "../request/byte-ranges.ts";
import { preconditionFailed, validatorsOf } from "../request/conditional-request.ts";
import { describingFields, protectingFields } from "../request/content-fields.ts";
import type { CorruptVersions } from "../stores/corrupt-versions.ts";
import { deliveredDigests, partAlgorithms } from "./delivered-digests.ts";
import { multipartRanges } from "./multipart-ranges.ts";
import { parseObjectPath } from "../stores/object-path.ts";
import {
  evaluatePreconditions,
  ifRangeHolds,
  ifRangeNeedsEntityTag,
  needsEntityTag,
  parsePreconditions,
  type Validators,
} from "../request/preconditions.ts";
import { sendProblem } from "./problem-response.ts";
import type { RequestHead } from "../request/request-head.ts";
import { sendVerifiedContent } from "./send-verified.ts";
import type { Store, StoredObject } from "../stores/store.ts";
import { sendShort, type UploadExchange } from "../upload-exchange.ts";

/** What a download is answered from. */
export interface DeliveryOptions {
  readonly store: Store;
  /** The algorithms that this server computes. */
  readonly algorithms: readonly Algorithm[];
  /** The versions that may not be delivered any more. */
  readonly corrupt: CorruptVersions;
}

/** Answers GET and HEAD: with the object or its parts and digests, with 304 or 416, or by throwing an error. */
export async function deliverObject(
  upload: UploadExchange,
  { store, algorithms, corrupt }: DeliveryOptions,
): Promise<void> {
  const { head, exchange } = upload;
  const { path, directory } = parseObjectPath(head.target);
  const preconditions = parsePreconditions(head.header);
  const needsTag = preconditions !== undefined && needsEntityTag(preconditions);
  const object = directory
    ? undefined
    : await store.open(path, { digest: needsTag || ifRangeNeedsEntityTag(head.header) });
  if (object === undefined) throw new TrailsumError("NOT_FOUND", "nothing is stored under this path");
  try {
    corrupt.refuse(path, object);
    // Before the response is cut: the client may ask for the reason at once.
    const onDiffering = (): void => corrupt.add(path, object);
    const validators = validatorsOf(object);
    const result = preconditions === undefined ? "perform" : evaluatePreconditions(preconditions, true, validators);
    if (result === "failed") throw preconditionFailed();
    const cached = cacheFields(validators);
    if (result === "not-modified") return sendShort(exchange, { status: 304, header: cached });
    const fields: FieldLine[] = [...protectingFields(object.fields), ["Accept-Ranges", "bytes"], ...cached];
    const selection = selectedRanges(head, object, validators);
    if (selection === "unsatisfiable") return refuseRange(upload, object, fields);
    if (selection === "whole") await sendWhole(upload, object, { fields, algorithms, onDiffering });
    else await sendParts(upload, object, { selection, fields, algorithms, onDiffering });
  } finally {
    await object.close();
  }
}

/** The fields that a 200, a 206 and a 304 have in common (RFC 9110 sections 15.3.7 and 15.4.5). */
function cacheFields({ entityTag, lastModified }: Validators): FieldLine[] {
  const tag: FieldLine[] = entityTag === undefined ? [] : [["ETag", entityTag]];
  // A cache asks again each time: an object may be replaced at any moment.
  return [["Last-Modified", lastModified.toUTCString()], ["Cache-Control", "no-cache"], ...tag];
}

/** What the request selects: everything, unless it is a GET with a range whose condition holds (RFC 9110 section 14.2). */
function selectedRanges({ method, header }: RequestHead, { size }: StoredObject, current: Validators): RangeSelection {
  const range = header.get("Range");
  if (range === undefined || method !== "GET" || !ifRangeHolds(header, current)) return "whole";
  return selectRanges(range, size);
}

function refuseRange({ exchange }: UploadExchange, { size }: StoredObject, fields: readonly FieldLine[]): void {
  const detail = `the range asks for nothing of the ${size} bytes that are stored under this path`;
  const problem = { type: "about:blank", title: "Range not satisfiable", status: 416, detail };
  sendProblem(exchange, problem, [["Content-Range", `bytes */${size}`], ...fields]);
}

/** The most bytes of which a browser can verify `Unencoded-Digest`: it shows nothing before it has all of them. */
const MAX_UNENCODED = 16 * 1024 * 1024;

/** What a response is made of, beside the object. */
interface Delivery {
  /** The fields that do not depend on what is selected. */
  readonly fields: readonly FieldLine[];
  readonly algorithms: readonly Algorithm[];
  /** Called when what leaves turns out to differ from the record. */
  readonly onDiffering: () => void;
}

async function sendWhole(
  { head, exchange }: UploadExchange,
  object: StoredObject,
  { fields, algorithms, onDiffering }: Delivery,
): Promise<void> {
  const described = describingFields(object.fields);
  const headers = [...described, ...fields];
  const sha256 = object.digests?.values.get("sha-256");
  const isEncoded = described.some(([name]) => name === "Content-Encoding");
  if (sha256 !== undefined && !isEncoded && object.size <= MAX_UNENCODED) {
    headers.push(["Unencoded-Digest", `sha-256=:${sha256.toString("base64")}:`]);
  }
  const chunkSize = chunkSizeFor(exchange);
  const source = head.method === "HEAD" ? Buffer.alloc(0) : object.createReadStream({ chunkSize });
  await sendVerifiedContent(exchange, source, {
    headers,
    size: object.size,
    onDiffering,
    ...deliveredDigests(object.digests, head.header, algorithms),
  });
}

interface Parts extends Delivery {
  readonly selection: readonly ByteRange[];
}

/** `Repr-Digest` is that of the whole (RFC 9530 section 3), and the digests after the content are those of the parts. */
async function sendParts(
  { head, exchange }: UploadExchange,
  object: StoredObject,
  { selection, fields, algorithms, onDiffering }: Parts,
): Promise<void> {
  const { size } = object;
  const delivered = deliveredDigests(object.digests, head.header, algorithms);
  const described = describingFields(object.fields);
  const headers = [...fields];
  const chunkSize = chunkSizeFor(exchange);
  const sent = { status: 206, algorithms: partAlgorithms(head.header, algorithms), onDiffering };
  const [only, ...others] = selection;
  const isOne = only !== undefined && others.length === 0;
  if (isOne) headers.push(...described, ["Content-Range", contentRange(only, size)]);
  if (isOne && only.start === 0 && only.end === size) {
    // The whole object, even in a 206: compared with the record, as a 200 is.
    return sendVerifiedContent(exchange, object.createReadStream({ chunkSize }), {
      ...sent,
      headers,
      size,
      ...delivered,
    });
  }
  if (delivered.digests !== undefined) headers.push(["Repr-Digest", formatDigestField(delivered.digests)]);
  if (isOne) {
    const source = object.createReadStream({ ...only, chunkSize });
    return sendVerifiedContent(exchange, source, { ...sent, headers, size: only.end - only.start });
  }
  const parts = multipartRanges(selection, size, described);
  headers.push(["Content-Type", parts.contentType]);
  const content = parts.content((range) => object.createReadStream({ ...range, chunkSize, autoClose: false }));
  await sendVerifiedContent(exchange, content, { ...sent, headers, size: parts.size });
}

/** Each response holds a few chunks while its client does not read, and on one connection there may be a hundred. */
function chunkSizeFor({ request }: UploadExchange["exchange"]): number | undefined {
  return request.httpVersion === "2.0" ? 64 * 1024 : undefined;
}
