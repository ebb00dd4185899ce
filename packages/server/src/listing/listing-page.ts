import { createHash } from "node:crypto";

import type { ListEntry } from "../stores/store.ts";
import type { ListedDirectory } from "./listed-directory.ts";
import { htmlText } from "@trailsum/shared";
import { type ListingOrder, MAX_SORTED, type SortedEntries, type SortKey } from "./listing-order.ts";
import { listingStyle } from "./listing-style.ts";
import { usageSection } from "./usage-section.ts";

const styleHash = createHash("sha256").update(listingStyle).digest("base64");

/** Nothing but the page's own style and its icon: names come from strangers. */
export const contentSecurityPolicy: string = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** A check mark on a page. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230b5cad'/%3E%3Cpath d='M4 8.5l2.8 2.8L12 5.5' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";

/** A listing as a page. */
export async function* listingPage(directory: ListedDirectory, entries: SortedEntries): AsyncGenerator<string> {
  const { path, url } = directory;
  const names = path === "" ? [] : path.split("/");
  const host = URL.parse(url)?.host ?? "";
  const title = path === "" ? host : `${names.at(-1)}/`;
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${htmlText(path === "" ? `Files on ${host}` : `/${path}/ on ${host}`)}</title>
<link rel="icon" href="${ICON}">
<style>${listingStyle}</style>
</head>
<body>
${breadcrumb(host, names)}<main>
<h1><bdi>${htmlText(title)}</bdi></h1>
`;
  yield* entries.all?.length === 0 ? ['<p class="empty">This directory is empty.</p>\n'] : table(entries);
  if (path === "") yield usageSection(directory);
  yield `</main>
<footer>Served by trailsum</footer>
</body>
</html>
`;
}

/** The way to this directory from the root, which has none. */
function breadcrumb(host: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const items = [host, ...names].map((name, at) => {
    const text = `<bdi>${htmlText(name)}</bdi>`;
    const up = names.length - at;
    return up === 0 ? `<li aria-current="page">${text}</li>` : `<li><a href="${"../".repeat(up)}">${text}</a></li>`;
  });
  return `<header><nav aria-label="Breadcrumb"><ol>${items.join("")}</ol></nav></header>\n`;
}

async function* table({ all, each, order }: SortedEntries): AsyncGenerator<string> {
  // Too many to sort: no links that would do it.
  const sorted = all === undefined ? undefined : order;
  yield `<table>
<caption>${all === undefined ? `More than ${MAX_SORTED} entries, by name` : summary(all)}</caption>
<thead><tr>${column("name", "Name", sorted)}${column("size", "Size", sorted)}${column("modified", "Modified (UTC)", sorted)}<th scope="col" class="digest">SHA-256</th><th scope="col">Verified (UTC)</th></tr></thead>
<tbody>
`;
  for await (const entry of each) yield row(entry);
  yield "</tbody>\n</table>\n";
}

function summary(entries: readonly ListEntry[]): string {
  const objects = entries.filter(({ kind }) => kind === "object");
  const directories = counted(entries.length - objects.length, "directory", "directories");
  const total = objects.reduce((sum, { size }) => sum + size, 0);
  const files = objects.length === 0 ? [] : [`${counted(objects.length, "file", "files")}, ${readableSize(total)}`];
  return [...(objects.length === entries.length ? [] : [directories]), ...files].join(", ");
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The head of a column, with a link that sorts by it, in reverse if the page is already sorted by it. */
function column(key: SortKey, text: string, order: ListingOrder | undefined): string {
  const className = key === "size" ? ' class="size"' : "";
  if (order === undefined) return `<th scope="col"${className}>${text}</th>`;
  const current = order.sort === key;
  const descends = current && !order.descending;
  const sort = current ? ` aria-sort="${order.descending ? "descending" : "ascending"}"` : "";
  const href = `?sort=${key}&amp;order=${descends ? "desc" : "asc"}`;
  return `<th scope="col"${className}${sort}><a href="${href}" rel="nofollow">${text}</a></th>`;
}

function row({ name, kind, size, modified, digests, verified }: ListEntry): string {
  const slash = kind === "directory" ? "/" : "";
  const link = `<a href="${encodeURIComponent(name)}${slash}"><bdi>${htmlText(name)}</bdi>${slash}</a>`;
  const digest = digests?.values.get("sha-256")?.toString("hex");
  const bytes =
    kind === "object"
      ? `<data value="${size}" title="${counted(size, "byte", "bytes")}">${readableSize(size)}</data>`
      : "";
  const cells = [
    `<td class="size">${bytes}</td>`,
    `<td>${readableTime(modified)}</td>`,
    `<td class="digest">${digest === undefined ? "" : `<code title="${digest}">${digest}</code>`}</td>`,
    `<td class="verified">${kind === "directory" ? "" : verified === undefined ? "not verified" : readableTime(verified)}</td>`,
  ];
  return `<tr class="${kind}"><th scope="row">${link}</th>${cells.join("")}</tr>\n`;
}

/** `2026-11-30 18:24`, in UTC. */
function readableTime(time: Date): string {
  const iso = time.toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 16).replace("T", " ")}</time>`;
}

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/** `532 B`, `4.0 KiB`, `1.9 GiB`. */
function readableSize(bytes: number): string {
  let [size, unit] = [bytes, "B"];
  for (const next of UNITS) {
    // What would be shown as 1024.0 is 1.0 of the next unit.
    if (size < 1023.95) break;
    [size, unit] = [size / 1024, next];
  }
  return unit === "B" ? `${bytes} B` : `${size.toFixed(1)} ${unit}`;
}
