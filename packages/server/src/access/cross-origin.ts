import type { InboundRequest } from "@trailsum/http/inbound";
import { TrailsumError } from "@trailsum/shared";

/**
 * Refuses a write that a page of another origin made. Browsers send a POST of a form for any page, with the user's
 * credentials, and ask no server before (a simple request: Fetch standard, section 2.2.2). Such a request has no digest
 * field, so only a server that accepts uploads without a digest has to look.
 *
 * `Sec-Fetch-Site` decides where it is present (Fetch metadata); else `Origin`, else `Referer`. A request without any of
 * them does not come from a page.
 */
export function refuseCrossOrigin({ header, host = "", protocol }: InboundRequest): void {
  const site = header.get("Sec-Fetch-Site");
  if (site === "same-origin" || site === "none") return;
  const source = header.get("Origin") ?? header.get("Referer");
  if (site === undefined && (source === undefined || isOf(source, host, protocol))) return;
  throw new TrailsumError("FORBIDDEN", "a page of another origin may not upload here without a digest");
}

/** Whether a URL is of this host. Not of this scheme: a proxy may have taken TLS off. An opaque origin is `null`. */
function isOf(source: string, host: string, protocol: string): boolean {
  const [from, to] = [URL.parse(source), URL.parse(`${protocol}://${host}`)];
  if (from === null || to === null) return false;
  const port = (url: URL): string => url.port || (url.protocol === "https:" ? "443" : "80");
  const samePort = port(from) === port(to) || (to.port === "" && from.port === "");
  return from.hostname === to.hostname && samePort;
}
