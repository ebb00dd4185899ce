import { subscribe } from "node:diagnostics_channel";

import { redactedTarget } from "@trailsum/shared";

import { visibleText } from "./visible-text.ts";
import { traceFrames } from "./frame-trace.ts";

/** The detail: heads and trailers, or also each piece of content and the frames of HTTP/2. */
export type WireDetail = "heads" | "content";

/** What the dispatcher publishes. Field lines of responses are names and values in turn, latin1. */
interface Published {
  readonly request: object;
  readonly headers?: string;
  readonly trailers?: readonly (Buffer | string)[];
  readonly chunk?: Uint8Array;
  readonly response?: { readonly statusCode: number; readonly statusText: string; readonly headers: readonly Buffer[] };
  readonly error?: Error;
}

/** An exchange by its number, and how much content has passed since the last line about it. */
interface Traced {
  readonly number: number;
  /** HTTP/2 names are lower case, even if the application wrote upper case. */
  http2: boolean;
  sent: number;
  received: number;
}

/**
 * Writes the head and the trailers of every request and response of this process, as they are on the wire: `>` is sent
 * and `<` received, after the number of the exchange. Credentials are left out. Frames of HTTP/2 come after the number of
 * their connection. `write` gets whole lines.
 */
export function traceWire(detail: WireDetail, write: (lines: string) => void): void {
  const exchanges = new WeakMap<object, Traced>();
  let count = 0;
  const tracedOf = (request: object): Traced => {
    let traced = exchanges.get(request);
    if (traced === undefined)
      exchanges.set(request, (traced = { number: (count += 1), http2: false, sent: 0, received: 0 }));
    return traced;
  };
  const show = ({ number }: Traced, sign: ">" | "<" | "*", lines: readonly string[]): void =>
    write(lines.map((line) => `${number} ${sign} ${visibleText(line)}`.trimEnd() + "\n").join(""));
  const content = (bytes: number): string => `(${bytes} bytes of content)`;
  const on = (name: string, listener: (message: Published, traced: Traced) => void): void =>
    subscribe(name, (message) => listener(message as Published, tracedOf((message as Published).request)));

  if (detail === "content") traceFrames(write);
  on("undici:client:sendHeaders", ({ headers = "" }, traced) => {
    traced.http2 = headers.startsWith(":");
    show(traced, ">", [...headers.trimEnd().split("\r\n").map(redactedLine), ""]);
  });
  on("undici:request:bodyChunkSent", ({ chunk }, traced) => {
    traced.sent += chunk?.byteLength ?? 0;
    if (detail === "content") show(traced, ">", [content(chunk?.byteLength ?? 0)]);
  });
  on("trailsum:request:sendTrailers", ({ trailers = [] }, traced) => {
    if (detail === "heads" && traced.sent > 0) show(traced, ">", [content(traced.sent)]);
    const raw = traced.http2
      ? trailers.map((text, at) => (at % 2 === 0 ? String(text).toLowerCase() : text))
      : trailers;
    if (raw.length > 0) show(traced, ">", [...fieldLines(raw), ""]);
  });
  on("undici:request:headers", ({ response }, traced) => {
    if (response === undefined) return;
    const { statusCode, statusText, headers } = response;
    show(traced, "<", [`${statusCode} ${statusText}`, ...fieldLines(headers), ""]);
  });
  on("undici:request:bodyChunkReceived", ({ chunk }, traced) => {
    traced.received += chunk?.byteLength ?? 0;
    if (detail === "content") show(traced, "<", [content(chunk?.byteLength ?? 0)]);
  });
  on("undici:request:trailers", ({ trailers = [] }, traced) => {
    if (detail === "heads" && traced.received > 0) show(traced, "<", [content(traced.received)]);
    if (trailers.length > 0) show(traced, "<", [...fieldLines(trailers), ""]);
  });
  on("undici:request:error", ({ error }, traced) => show(traced, "*", [error?.message ?? "failed"]));
}

function fieldLines(raw: readonly (Buffer | string)[]): string[] {
  const texts = raw.map((part) => (typeof part === "string" ? part : part.toString("latin1")));
  return texts.flatMap((name, at) => (at % 2 === 0 ? [redactedLine(`${name}: ${texts[at + 1]}`)] : []));
}

/** Names of fields that prove who someone is. */
const SECRET = /authorization|cookie|token|secret|password|api-?key|credential/i;

/** A line of a head without what must not end up in a bug report: credentials, and what a query may hold. */
function redactedLine(line: string): string {
  const [, method, target, version] = /^([A-Z]+) (\S+) (HTTP\/1\.[01])$/.exec(line) ?? [];
  if (method !== undefined) return `${method} ${redactedTarget(target!)} ${version}`;
  const [, name = "", value = ""] = /^(:?[^:]+): ?(.*)$/s.exec(line) ?? [];
  if (name === ":path") return `${name}: ${redactedTarget(value)}`;
  if (/^(?:content-)?location$/i.test(name)) return `${name}: ${redactedTarget(value)}`;
  if (!SECRET.test(name)) return line;
  // The scheme says which kind of credentials was sent.
  const [, scheme = ""] = /authorization$/i.test(name) ? (/^([\w-]+) ./.exec(value) ?? []) : [];
  return `${name}: ${scheme === "" ? "" : `${scheme} `}(redacted)`;
}
