import type { Framing } from "./message.ts";

/** A message as one side saw it. */
export interface SeenMessage {
  /** Of a response; 0 for a request. */
  readonly status: number;
  /** Of a request; empty for a response. */
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Field lines as they stood, `Name: value`. */
  readonly fields: readonly string[];
  readonly framing: Framing;
  readonly content: string;
  readonly trailers: readonly string[];
  /** The protocol that it asks to switch to, or agrees to switch to by the rules of its version. */
  readonly tunnel: string | undefined;
  /** Everything, as received; in HTTP/2 its fields, a line each, and its content. */
  readonly text: string;
  /** Whether it came to its end. */
  readonly complete: boolean;
}

/** What one side must see of a message. What is not said here may be anything. */
export interface Expected {
  /** One of these. */
  readonly status?: number | readonly number[];
  readonly method?: string;
  readonly target?: string;
  /** For every name that is in here: exactly these lines, in this order; names without regard to case. */
  readonly fields?: readonly string[];
  /** These lines, in this order; others may stand between them. Names spelled like this where both sides are HTTP/1.1. */
  readonly exactly?: readonly string[];
  /** Names that stand on exactly one line. */
  readonly once?: readonly string[];
  /** Names, or whole `Name: value` lines, that are not there. */
  readonly lacks?: readonly string[];
  /** How the message begins, byte for byte. */
  readonly startsWith?: string;
  /** Texts that stand nowhere in the message. */
  readonly nowhere?: readonly string[];
  readonly framing?: Framing | readonly Framing[];
  readonly content?: string;
  /** The trailer section: these fields and no others, each name's values in this order. A list of them may be one line. */
  readonly trailers?: readonly string[];
  /** The trailer section, line by line. Names spelled like this where both sides are HTTP/1.1. */
  readonly trailersExactly?: readonly string[];
  /**
   * Whether it comes to its end, must never do so, or either. A message that says with a 5xx that something broke counts as
   * broken; `refused`: that, or a 4xx. Default `complete`.
   */
  readonly end?: "complete" | "broken" | "refused" | "either";
  /** It answers HEAD: nothing follows its header. */
  readonly toHead?: boolean;
  /** It asks for this protocol, or agrees to it: the bytes after its head are not content. */
  readonly tunnel?: string;
}

/** Whether a message that came to its end has come to the end that was expected. */
export function endsAsExpected({ end = "complete" }: Expected, { status }: SeenMessage): boolean {
  return end === "complete" || end === "either" || status >= (end === "refused" ? 400 : 500);
}

/** Where `seen` is not what was expected; an empty list when it is. Unless `spelled`, names have no case. */
export function differences(
  expected: Expected,
  seen: SeenMessage,
  { part, spelled }: { readonly part: "head" | "whole"; readonly spelled: boolean },
): string[] {
  const found: string[] = [];
  const check = (holds: boolean, text: () => string): void => {
    if (!holds) found.push(text());
  };
  const { status, method, target, fields = [], exactly = [], lacks = [], nowhere = [] } = expected;
  check(
    status === undefined || [status].flat().includes(seen.status),
    () => `status ${seen.status}, not ${String(status)}`,
  );
  check(method === undefined || method === seen.method, () => `method ${seen.method}, not ${method}`);
  check(target === undefined || target === seen.target, () => `target ${seen.target}, not ${target}`);
  for (const name of new Set(fields.map(nameOf))) {
    const wanted = valuesOf(fields, name);
    const there = valuesOf(seen.fields, name);
    check(same(wanted, there), () => `${name}: ${quote(there)}, not ${quote(wanted)}`);
  }
  const { startsWith = "" } = expected;
  check(seen.text.startsWith(startsWith), () => `begins with ${quote(seen.text.slice(0, 60))}`);
  const { tunnel } = expected;
  check(
    tunnel === undefined || tunnel === seen.tunnel?.toLowerCase(),
    () => `opens no ${tunnel}: ${seen.status || seen.method} ${quote(seen.fields)}`,
  );
  const spelling = spelled ? (line: string): string => line : inLowerCase;
  const lines = seen.fields.map(spelling);
  let at = 0;
  for (const line of exactly) {
    const index = lines.indexOf(spelling(line), at);
    check(index !== -1, () => `no line ${quote(line)} in ${quote(seen.fields)}, or not in its place`);
    at = Math.max(at, index);
  }
  for (const name of expected.once ?? []) {
    const there = valuesOf(seen.fields, name.toLowerCase());
    check(there.length === 1, () => `${name}: ${quote(there)}, not exactly one`);
  }
  for (const item of lacks) {
    const there = seen.fields.filter((line) => matches(line, item));
    check(there.length === 0, () => `has ${quote(there)}`);
  }
  for (const text of nowhere) check(!seen.text.includes(text), () => `${quote(text)} is in it`);
  const framings = expected.framing === undefined ? [] : [expected.framing].flat();
  check(
    framings.length === 0 || framings.includes(seen.framing),
    () => `framing ${seen.framing}, not ${framings.join()}`,
  );
  if (part === "whole") found.push(...contentDifferences(expected, seen, spelling));
  return found;
}

function contentDifferences(
  { content, trailers, trailersExactly }: Expected,
  seen: SeenMessage,
  spelling: (line: string) => string,
): string[] {
  const found: string[] = [];
  if (content !== undefined && content !== seen.content) {
    found.push(`content ${quote(seen.content)}, not ${quote(content)}`);
  }
  if (trailersExactly !== undefined && !same(trailersExactly.map(spelling), seen.trailers.map(spelling))) {
    found.push(`trailers ${quote(seen.trailers)}, not ${quote(trailersExactly)}`);
  }
  if (trailers !== undefined) {
    const names = new Set([...trailers, ...seen.trailers].map(nameOf));
    const kept = [...names].every((name) => {
      const there = valuesOf(seen.trailers, name);
      const wanted = valuesOf(trailers, name);
      return same(there, wanted) || (there.length === 1 && wanted.length > 0 && there[0] === wanted.join(", "));
    });
    if (!kept) found.push(`trailers ${quote(seen.trailers)}, not ${quote(trailers)}`);
  }
  return found;
}

/** A line with its name in lower case, and its value as it is. */
function inLowerCase(line: string): string {
  return `${nameOf(line)}:${line.slice(nameOf(line).length + 1)}`;
}

/** Whether a line has this name, or is this line. */
function matches(line: string, item: string): boolean {
  if (nameOf(line) !== nameOf(item)) return false;
  return !item.includes(":") || valueOf(line) === valueOf(item);
}

function nameOf(line: string): string {
  const colon = line.indexOf(":");
  return (colon === -1 ? line : line.slice(0, colon)).toLowerCase();
}

function valueOf(line: string): string {
  return line.slice(line.indexOf(":") + 1).replaceAll(/^[ \t]+|[ \t]+$/g, "");
}

function valuesOf(lines: readonly string[], name: string): string[] {
  return lines.filter((line) => nameOf(line) === name).map(valueOf);
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, at) => text === other[at]);
}

function quote(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 300 ? `${text.slice(0, 200)}…${text.slice(-60)}` : text;
}
