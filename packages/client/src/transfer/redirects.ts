import { type FieldLines, redactedTarget, TrailsumError } from "@trailsum/shared";

import { printable } from "./printable.ts";

const MAX_REDIRECTS = 5;

/** Runs `attempt` at `target`, and wherever it is sent from there: for that it gives a URL in place of a result. */
export async function followRedirects<T>(target: URL, attempt: (url: URL) => Promise<T | URL>): Promise<T> {
  let url = target;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const result = await attempt(url);
    if (!(result instanceof URL)) return result;
    url = result;
  }
  throw new TrailsumError(
    "REFUSED",
    `${redactedTarget(target)} redirects more than ${MAX_REDIRECTS} times, at last to ${redactedTarget(url)}`,
  );
}

/** Where a response sends on, if it does, and in one of the ways that the request can follow. */
export function redirection(
  from: URL,
  status: number,
  headers: FieldLines,
  followed: readonly number[],
): URL | undefined {
  const location = headers.get("Location");
  if (location === undefined || !followed.includes(status)) return undefined;
  const to = URL.parse(location, from.href);
  if (to !== null && /^https?:$/.test(to.protocol) && to.username === "" && to.password === "") return to;
  throw new TrailsumError(
    "REFUSED",
    `${redactedTarget(from)} redirects to ${printable(redactedTarget(location))}, which cannot be followed`,
    {
      status,
    },
  );
}

/** Whether a header field is meant for one origin, and not to be told to another that it redirects to. */
export function isCredential(name: string): boolean {
  return ["authorization", "cookie", "proxy-authorization"].includes(name.toLowerCase());
}
