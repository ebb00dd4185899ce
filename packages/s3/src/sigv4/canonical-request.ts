import { createHash } from "node:crypto";

import type { FieldLines } from "@trailsum/shared";

import { decodeComponent, encodePath, encodeStrictly } from "./uri-encoding.ts";

/** What a signature covers. */
export interface SignedRequest {
  readonly method: string;
  /** The path as received. */
  readonly path: string;
  /** The query, decoded, without the signature. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly header: FieldLines;
  /** The host that was asked for: over HTTP/2 it is in no field. */
  readonly host: string;
  /** The names of the signed fields, in lower case and in the order in which they were signed. */
  readonly signedHeaders: readonly string[];
  /** `x-amz-content-sha256`, or its replacement. */
  readonly payload: string;
}

/** The canonical request of SigV4 as S3 has it: the path is encoded once, and is not normalised. */
export function canonicalRequest(request: SignedRequest): string {
  const { method, path, query, signedHeaders, payload } = request;
  const parameters = query.map(([name, value]) => [encodeStrictly(name), encodeStrictly(value)] as const);
  const sorted = parameters.toSorted(([a, x], [b, y]) => compare(a, b) || compare(x, y));
  return [
    method,
    encodePath(decodeComponent(path)),
    sorted.map(([name, value]) => `${name}=${value}`).join("&"),
    ...signedHeaders.map((name) => `${name}:${canonicalValue(name, request)}`),
    "",
    signedHeaders.join(";"),
    payload,
  ].join("\n");
}

function canonicalValue(name: string, { header, host }: SignedRequest): string {
  if (name === "host") return host;
  return header
    .getAll(name)
    .map((value) => value.trim().replaceAll(/ +/g, " "))
    .join(",");
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** The sha-256 of bytes or text, in hex. */
export function sha256Hex(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
