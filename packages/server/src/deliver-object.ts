import { type Algorithm, type Digests, type FieldLine, mostWanted, TrailsumError } from "@trailsum/shared";

import { preconditionFailed, validatorsOf } from "./conditional-request.ts";
import { givenContentFields } from "./content-fields.ts";
import { parseObjectPath } from "./object-path.ts";
import { evaluatePreconditions, needsEntityTag, parsePreconditions } from "./preconditions.ts";
import type { RequestHead } from "./request-head.ts";
import { sendVerifiedContent } from "./send-verified.ts";
import type { Store } from "./stores/store.ts";
import { sendShort, type UploadExchange } from "./upload-exchange.ts";

/** What a download is answered from. */
export interface DeliveryOptions {
  readonly store: Store;
  /** The algorithms that this server computes. */
  readonly algorithms: readonly Algorithm[];
}

/** Answers GET and HEAD: with the object and its digests, with 304, or by throwing why not. */
export async function deliverObject(
  { head, exchange }: UploadExchange,
  { store, algorithms }: DeliveryOptions,
): Promise<void> {
  const { path, directory } = parseObjectPath(head.target);
  const preconditions = parsePreconditions(head.header);
  const digest = preconditions !== undefined && needsEntityTag(preconditions);
  const object = directory ? undefined : await store.open(path, { digest });
  if (object === undefined) throw new TrailsumError("NOT_FOUND", "nothing is stored under this path");
  const digests = object.digests && wantedDigests(object.digests, head);
  const validators = validatorsOf(object);
  const common: FieldLine[] = [
    ["Last-Modified", validators.lastModified.toUTCString()],
    // A cache asks again each time: an object may be replaced at any moment.
    ["Cache-Control", "no-cache"],
  ];
  if (validators.entityTag !== undefined) common.push(["ETag", validators.entityTag]);
  const result = preconditions === undefined ? "perform" : evaluatePreconditions(preconditions, true, validators);
  if (result !== "perform") {
    await object.close();
    if (result === "failed") throw preconditionFailed();
    sendShort(exchange, { status: 304, header: common });
    return;
  }
  const headers = [...givenContentFields(object.fields), ...common];
  try {
    // Each response holds a few chunks while its client does not read, and on one connection there may be a hundred.
    const chunkSize = exchange.request.httpVersion === "2.0" ? 64 * 1024 : undefined;
    const source = head.method === "HEAD" ? Buffer.alloc(0) : object.createReadStream({ chunkSize });
    await sendVerifiedContent(exchange, source, {
      headers,
      size: object.size,
      digests,
      algorithms: deliveredAlgorithms(head, digests, algorithms),
    });
  } finally {
    await object.close();
  }
}

/**
 * Those of the known digests that the client wants most (RFC 9530 section 4), all if it wants none of them. Each one that
 * is sent is computed again while the content leaves.
 */
function wantedDigests(known: Digests, { header }: RequestHead): Digests {
  const wanted = mostWanted(header, [...known.values.keys()]);
  if (wanted.length === 0) return known;
  return { ...known, values: new Map([...known.values].filter(([algorithm]) => wanted.includes(algorithm))) };
}

/** What a download is sent with that nothing is known of and that asks for nothing. */
const DEFAULT: readonly Algorithm[] = ["sha-256", "md5"];

/** What to compute for the trailers of a download: what the header has, and what the client wants most. */
function deliveredAlgorithms(
  { header }: RequestHead,
  digests: Digests | undefined,
  supported: readonly Algorithm[],
): Algorithm[] {
  const known = digests === undefined ? [] : [...digests.values.keys()];
  const chosen = [...known, ...mostWanted(header, supported)];
  if (chosen.length > 0) return [...new Set(chosen)];
  const usual = DEFAULT.filter((algorithm) => supported.includes(algorithm));
  return usual.length > 0 ? usual : supported.slice(0, 1);
}
