import { FieldLines, foldedFieldName, listMembers, type TrailerContext } from "@trailsum/shared";

import { isGrpc } from "./grpc.ts";

/** Fields about one connection, listed in `Connection` or not (RFC 9110 section 7.6.1, and common practice). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Belongs to an h2c upgrade, which is never forwarded (RFC 9113 section 3.1).
  "http2-settings",
]);

/** A header section taken apart: what is forwarded, and what is for this hop only. */
export interface SeparatedHeader {
  /** Name, value, ... of the fields that go on to the next hop: none of the fixed list, none that `Connection` names. */
  readonly endToEnd: string[];
  /** What every `Connection` line lists, in lower case: options, and names of fields that are for this hop alone. */
  readonly connection: readonly string[];
  /** The names that every `Trailer` line announces. */
  readonly declared: readonly string[];
  /** Whether the sender takes trailers: a `TE` with the member `trailers`, without a parameter (RFC 9110 section 10.1.4). */
  readonly takesTrailers: boolean;
  /** The value of `Content-Length`. */
  readonly length: string | undefined;
  /** Whether the message is one of gRPC. */
  readonly grpc: boolean;
}

/** Decides what else is not forwarded, by the folded name and the lower-case name. */
export type FieldFilter = (folded: string, lower: string) => boolean;

/** Takes a header section apart. Names of fields to remove are matched with `_` for `-` too (see `foldedFieldName`). */
export function separateHeader({ raw }: FieldLines, isDropped?: FieldFilter): SeparatedHeader {
  const endToEnd: string[] = [];
  const connection: string[] = [];
  const declared: string[] = [];
  let takesTrailers = false;
  let length: string | undefined;
  let grpc = false;
  for (let at = 0; at < raw.length; at += 2) {
    const lower = raw[at]!.toLowerCase();
    const value = raw[at + 1]!;
    if (lower === "connection") connection.push(...listMembers(value.toLowerCase()));
    else if (lower === "trailer") declared.push(...listMembers(value));
    else if (lower === "te") takesTrailers ||= listsTrailers(value);
    else if (lower === "content-length") length = length === undefined ? value : `${length}, ${value}`;
    else if (lower === "content-type") grpc = isGrpc(value);
    const folded = foldedFieldName(lower);
    if (!HOP_BY_HOP.has(folded) && isDropped?.(folded, lower) !== true) endToEnd.push(raw[at]!, value);
  }
  return {
    endToEnd: withoutListed(endToEnd, connection),
    connection,
    declared,
    takesTrailers,
    length,
    grpc,
  };
}

/** What is known of a message when its trailers are looked at. */
export function trailerContext({
  declared,
  connection,
  grpc,
}: Pick<SeparatedHeader, "declared" | "connection" | "grpc">): TrailerContext {
  return { declared, hopByHop: connection, grpc };
}

/** The same of a header that is not taken apart. */
export function trailerContextOf(header: FieldLines): TrailerContext {
  const declared = header.list("Trailer");
  return { declared, hopByHop: header.list("Connection"), grpc: isGrpc(header.getAll("Content-Type").at(-1)) };
}

function withoutListed(raw: string[], connection: readonly string[]): string[] {
  let listed: Set<string> | undefined;
  for (const option of connection) {
    const folded = foldedFieldName(option);
    // Those of the fixed list have been left out already.
    if (!HOP_BY_HOP.has(folded)) (listed ??= new Set()).add(folded);
  }
  if (listed === undefined) return raw;
  return raw.filter((_, at) => !listed.has(foldedFieldName(raw[at - (at % 2)]!)));
}

/** Whether the sender of a message takes trailers in the answer. */
export function acceptsTrailers(header: FieldLines): boolean {
  return header.getAll("TE").some(listsTrailers);
}

function listsTrailers(te: string): boolean {
  return listMembers(te.toLowerCase()).includes("trailers");
}

/** The fields that go on to the next hop. */
export function endToEndFields(fields: FieldLines): FieldLines {
  return FieldLines.owning(separateHeader(fields).endToEnd);
}
