import { createHash } from "node:crypto";

import { htmlText } from "@trailsum/shared";
import prettyBytes from "pretty-bytes";

import { visibleText } from "../terminal/visible-text.ts";
import type { ExchangeUnderWay, Status } from "./status.ts";
import { statusStyle } from "./status-style.ts";

/** Replaces the numbers as they come, unless a reader has selected some of them. */
const SCRIPT = `
const main = document.querySelector("main");
new EventSource("events").onmessage = ({ data }) => {
  if (getSelection().isCollapsed) main.innerHTML = JSON.parse(data);
};`;

const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The page's own style and script, and its own events. */
export const contentSecurityPolicy: string = `default-src 'none'; style-src ${hash(statusStyle)}; script-src ${hash(SCRIPT)}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The page. Without script, it is loaded again every few seconds. */
export function statusPage(command: string, status: Status): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>trailsum ${htmlText(command)}</title>
<link rel="icon" href="data:,">
<style>${statusStyle}</style>
<noscript><meta http-equiv="refresh" content="5"></noscript>
</head>
<body>
<header><h1>trailsum ${htmlText(command)}</h1></header>
<main>
${statusSections(status)}</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** What of the page changes. */
export function statusSections(status: Status): string {
  return [
    numbers("Now", [
      ["Connections", String(status.connections)],
      ["Requests under way", String(status.underWayTotal)],
      ["Unfinished uploads", String(status.unfinishedUploads)],
    ]),
    numbers(`Since ${status.since.toISOString().slice(0, 19).replace("T", " ")} UTC`, [
      ["Requests", String(status.exchanges)],
      ["Content received", size(status.received)],
      ["Content sent", size(status.sent)],
      ["Trailers left out", String(status.trailersDropped)],
    ]),
    numbers(
      "Verdicts",
      Object.entries(status.verdicts).map(([name, count]) => [name, String(count)]),
    ),
    upstreams(status),
    transfers(status),
  ].join("");
}

function numbers(title: string, rows: readonly (readonly [name: string, value: string])[]): string {
  const items = rows.map(([name, value]) => `<div><dt>${htmlText(name)}</dt><dd>${htmlText(value)}</dd></div>`);
  return `<section><h2>${htmlText(title)}</h2><dl>${items.join("")}</dl></section>\n`;
}

function upstreams({ upstreams: all }: Status): string {
  if (all.length === 0) return "";
  const rows = all.map(
    ({ origin, state }) =>
      `<tr><th scope="row">${shown(origin)}</th><td class="${state === "ejected" ? "bad" : "good"}">${state}</td></tr>`,
  );
  return `<section><h2>Upstreams</h2>${table(["Origin", "State"], rows)}</section>\n`;
}

function transfers({ underWay, underWayTotal }: Status): string {
  const columns = ["Client", "Request", "Time", "Received", "Sent"];
  const more = underWayTotal - underWay.length;
  const rest = more > 0 ? `<p>${more} more</p>` : "";
  const list = underWay.length === 0 ? "<p>None</p>" : table(columns, underWay.map(transfer)) + rest;
  return `<section><h2>Requests under way</h2>${list}</section>\n`;
}

function transfer({ client, method, target, seconds, received, sent, expected }: ExchangeUnderWay): string {
  const bar =
    expected === undefined || expected === 0
      ? ""
      : ` of ${size(expected)} <progress max="${expected}" value="${Math.min(received, expected)}">${Math.floor((100 * received) / expected)} %</progress>`;
  const cells = [`${seconds.toFixed(0)} s`, `${size(received)}${bar}`, size(sent)].map((cell) => `<td>${cell}</td>`);
  return `<tr><td>${shown(client ?? "local")}</td><th scope="row">${shown(method)} ${shown(target)}</th>${cells.join("")}</tr>`;
}

function table(columns: readonly string[], rows: readonly string[]): string {
  const heads = columns.map((column) => `<th scope="col">${column}</th>`);
  return `<table><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

/** Text that a stranger may have chosen. */
function shown(text: string): string {
  return `<bdi>${htmlText(visibleText(text))}</bdi>`;
}

function size(bytes: number): string {
  return prettyBytes(bytes, { binary: true });
}
