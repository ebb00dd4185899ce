import { type FieldLine, TrailsumError } from "@trailsum/shared";

import { isHidden } from "../access/dotfiles.ts";
import { parseObjectPath } from "../stores/object-path.ts";
import { sendVerifiedContent } from "../response/send-verified.ts";
import type { ListEntry, Store } from "../stores/store.ts";
import { sendShort, type UploadExchange } from "../upload-exchange.ts";
import { contentSecurityPolicy, listingPage } from "./listing-page.ts";
import { listingJson } from "./listing-json.ts";
import { parseListingOrder, sortEntries } from "./listing-order.ts";
import { prefersJson } from "./preferred-json.ts";

/** What a listing is made from. */
export interface ListingOptions {
  readonly store: Store;
  readonly dotfiles: boolean;
  readonly readOnly: boolean;
}

/**
 * Answers GET and HEAD of a directory with what is in it: a page, or JSON for a client that prefers that. Every link is
 * relative, so that mirroring tools can follow them. Throws `NOT_FOUND` if there is no such directory.
 */
export async function deliverListing(
  { head, exchange }: UploadExchange,
  { store, dotfiles, readOnly }: ListingOptions,
): Promise<void> {
  const { path } = parseObjectPath(head.target);
  const order = parseListingOrder(head.target);
  const listed = await store.list(path);
  if (listed === undefined) throw new TrailsumError("NOT_FOUND", "nothing is stored under this path");
  const json = prefersJson(head.header.get("Accept"));
  const { request } = exchange;
  const directory = { path, readOnly, url: `${request.protocol}://${request.host ?? ""}${request.target.path}` };
  const content = async function* (): AsyncGenerator<Buffer> {
    const entries = await sortEntries(dotfiles ? listed : visible(listed), order);
    yield* inPieces(json ? listingJson(directory, entries) : listingPage(directory, entries));
  };
  await sendVerifiedContent(exchange, content(), {
    headers: json ? JSON_FIELDS : PAGE_FIELDS,
    algorithms: ["sha-256"],
  });
}

/** Sends a client on from `/dir` to `/dir/`, where relative links lead into the directory. */
export function redirectToDirectory({ head, exchange }: UploadExchange): void {
  const [path = "", query] = head.target.split("?", 2);
  // Relative, because a proxy or a mount point may have taken the beginning of the path away.
  const location = `./${path.slice(path.lastIndexOf("/") + 1)}/${query === undefined ? "" : `?${query}`}`;
  // Not permanent: an object may take the directory's place.
  sendShort(exchange, { status: 307, header: [["Location", location], ...COMMON_FIELDS], content: Buffer.alloc(0) });
}

const COMMON_FIELDS: readonly FieldLine[] = [
  ["Cache-Control", "no-cache"],
  ["X-Content-Type-Options", "nosniff"],
];
const JSON_FIELDS: readonly FieldLine[] = [["Content-Type", "application/json"], ["Vary", "Accept"], ...COMMON_FIELDS];
const PAGE_FIELDS: readonly FieldLine[] = [
  ["Content-Type", "text/html; charset=utf-8"],
  ["Content-Security-Policy", contentSecurityPolicy],
  ["Referrer-Policy", "same-origin"],
  ["Vary", "Accept"],
  ...COMMON_FIELDS,
];

async function* visible(entries: AsyncIterable<ListEntry>): AsyncGenerator<ListEntry> {
  for await (const entry of entries) if (!isHidden(entry.name)) yield entry;
}

/** Characters. */
const PIECE = 16_384;

/** Text as bytes, in pieces of about the same size. */
async function* inPieces(text: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let piece = "";
  for await (const part of text) {
    piece += part;
    if (piece.length < PIECE) continue;
    yield Buffer.from(piece);
    piece = "";
  }
  if (piece !== "") yield Buffer.from(piece);
}
