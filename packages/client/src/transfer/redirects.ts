import { type FieldLines, redactedTarget, TrailsumError } from "@trailsum/shared";

import { printable } from "./printable.ts";

const MAX_REDIRECTS = 5;

/** One URL of a chain of redirects. */
export interface Hop {
  readonly url: URL;
  /**
   * Whether no redirect so far has left the origin of the first URL. Once one has, credentials for that origin are not
   * sent any more, not even to that origin: another server may have chosen the target.
   */
  readonly trusted: boolean;
}

/** The outcome of an attempt whose response is a redirect. */
export class Redirect {
  readonly to: URL;

  constructor(to: URL) {
    this.to = to;
  }
}

/** Runs `attempt` at the first hop, and at each hop that it redirects to. Throws `REFUSED` after too many redirects. */
export async function followRedirects<T>(first: Hop, attempt: (hop: Hop) => Promise<T | Redirect>): Promise<T> {
  let hop = first;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const result = await attempt(hop);
    if (!(result instanceof Redirect)) return result;
    hop = nextHop(hop, result.to);
  }
  throw new TrailsumError(
    "REFUSED",
    `${redactedTarget(first.url)} redirects more than ${MAX_REDIRECTS} times, at last to ${redactedTarget(hop.url)}`,
  );
}

/** The hop that a redirect from `hop` leads to. */
export function nextHop(hop: Hop, to: URL): Hop {
  return { url: to, trusted: hop.trusted && to.origin === hop.url.origin };
}

/**
 * The target of a redirect, if its status is one of `followed`. Throws `REFUSED` for a target that cannot be followed:
 * another scheme, credentials in the URL, or cleartext after TLS.
 */
export function redirection(
  from: URL,
  status: number,
  headers: FieldLines,
  followed: readonly number[],
): URL | undefined {
  const location = headers.get("Location");
  if (location === undefined || !followed.includes(status)) return undefined;
  const { to, why } = locationIn(from, headers);
  if (to !== undefined) return to;
  throw new TrailsumError(
    "REFUSED",
    `${redactedTarget(from)} redirects to ${printable(redactedTarget(location))}, which cannot be followed: ${why}`,
    { status },
  );
}

/** Where the `Location` of a response leads; or why no request may follow it there. */
export function locationIn(
  from: URL,
  headers: FieldLines,
): { readonly to: URL; readonly why?: undefined } | { readonly to?: undefined; readonly why: string } {
  // Identical lines are accepted; different ones are an error, because the field is not a list (RFC 9110 section 5.3).
  const [location, ...others] = new Set(headers.getAll("Location"));
  const to = location === undefined || others.length > 0 ? null : URL.parse(decodedLocation(location), from.href);
  if (to === null) return { why: "it is not a URL" };
  const why = whyNot(from, to);
  return why === undefined ? { to } : { why };
}

function whyNot(from: URL, to: URL): string | undefined {
  if (to.protocol !== "http:" && to.protocol !== "https:") return "it is neither http nor https";
  if (to.username !== "" || to.password !== "") return "it holds credentials";
  if (from.protocol === "https:" && to.protocol === "http:") return "it leads from https to http";
  return undefined;
}

/** Some servers write UTF-8 where only ASCII is allowed. Browsers and curl decode it; here it arrives as latin1. */
function decodedLocation(location: string): string {
  if (!/^[\0-\xff]*[\x80-\xff][\0-\xff]*$/.test(location)) return location;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(location, "latin1"));
  } catch {
    return location;
  }
}

/** Whether a header field is for one origin only, and must not be sent to another origin after a redirect. */
export function isForOneOrigin(name: string): boolean {
  return ["authorization", "cookie", "host", "proxy-authorization"].includes(name.toLowerCase());
}
