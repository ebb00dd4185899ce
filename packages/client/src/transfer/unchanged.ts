import {
  type Algorithm,
  algorithms,
  createStreamDigester,
  decideVerdict,
  digestLength,
  type FieldLine,
  FieldLines,
  formatDigestField,
  parseDigestField,
  type Requirement,
  type Verdict,
} from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { fetchShort } from "./short-response.ts";
import { followRedirects, type Hop, isForOneOrigin, Redirect, redirection } from "./redirects.ts";
import { userAgent } from "./user-agent.ts";

/** What a server says about an object. */
export interface RemoteObject {
  readonly url: URL;
  readonly status: number;
  readonly headers: FieldLines;
  /** Its digests, from `Repr-Digest` and from an entity tag that is one. */
  readonly digests: ReadonlyMap<Algorithm, Buffer>;
}

/** How to ask about an object. */
export interface ObjectRequestOptions {
  readonly dispatcher: Dispatcher;
  readonly headers: FieldLines;
  readonly signal: AbortSignal | undefined;
}

/** Content that may be what a server has. */
export interface LocalContent {
  /** Bytes. */
  readonly size: number;
  readonly read: () => AsyncIterable<Uint8Array>;
  /** Called with the number of bytes that have been hashed, after each piece. */
  readonly onHashed: (hashed: number) => void;
}

/** What a server says about an object, by HEAD; undefined if it has none, or says nothing by which it can be compared. */
export async function headObject(
  target: URL,
  { dispatcher, headers, signal }: ObjectRequestOptions,
): Promise<RemoteObject | undefined> {
  return followRedirects({ url: target, trusted: true }, async ({ url, trusted }: Hop) => {
    const given = headers.without((name) => !trusted && isForOneOrigin(name));
    const own = FieldLines.from([
      ["User-Agent", userAgent],
      ["Want-Repr-Digest", "sha-256=10, sha-512=9, md5=1"],
    ]);
    const request: Dispatcher.DispatchOptions = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: "HEAD",
      headers: [...own.without((name) => given.has(name)).raw, ...given.raw],
    };
    const answer = await fetchShort(dispatcher, request, { signal });
    const elsewhere = redirection(url, answer.status, answer.headers, [301, 302, 303, 307, 308]);
    if (elsewhere !== undefined) return new Redirect(elsewhere);
    const digests = digestsIn(answer.headers);
    return answer.status === 200 && digests.size > 0
      ? { url, status: answer.status, headers: answer.headers, digests }
      : undefined;
  });
}

/** What local content is compared with besides. */
export interface Comparison {
  /** The algorithms whose digests the caller needs. */
  readonly compute: readonly Algorithm[];
  /** Digests that the content must have. */
  readonly expected?: ReadonlyMap<Algorithm, Buffer>;
  readonly require?: readonly Requirement[];
  /** The algorithms that may be used. */
  readonly supported: readonly Algorithm[];
}

/** The verdict on local content that is what the server has, as if it had just been transferred; undefined for any other. */
export async function verdictIfSame(
  { headers, digests }: RemoteObject,
  { size, read, onHashed }: LocalContent,
  { compute, expected = new Map(), require = [], supported }: Comparison,
): Promise<Verdict | undefined> {
  const length = headers.get("Content-Length");
  if (length !== undefined && Number(length) !== size) return undefined;
  const digester = await createStreamDigester(
    [...compute, ...supported.filter((name) => digests.has(name)), ...expected.keys()],
    size,
  );
  try {
    for await (const chunk of read()) {
      await digester.update(chunk);
      onHashed(digester.size);
    }
    const computed = await digester.digest();
    const claim: FieldLine = ["Repr-Digest", formatDigestField({ size, values: digests })];
    const verdict = decideVerdict({ header: FieldLines.from([claim]), computed, expected, require, supported });
    return verdict.name === "verified" && computed.size === size ? verdict : undefined;
  } finally {
    digester.close();
  }
}

function digestsIn(headers: FieldLines): Map<Algorithm, Buffer> {
  const { digests, faults } = parseDigestField(headers.getAll("Repr-Digest"));
  if (faults.length > 0) return new Map();
  // Object stores and trailsum make the tag of the digest. Equal by accident it cannot be.
  const [, hex = ""] = /^"([0-9a-f]+)"$/.exec(headers.get("ETag") ?? "") ?? [];
  const algorithm = algorithms.find(
    (name) => ["md5", "sha-256"].includes(name) && digestLength(name) * 2 === hex.length,
  );
  return digests.size === 0 && algorithm !== undefined
    ? new Map([[algorithm, Buffer.from(hex, "hex")]])
    : new Map(digests);
}
