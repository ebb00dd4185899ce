/** The replacement for secret text. */
const REDACTED = "***";

/** What user information, a query or a fragment begins or ends with. */
const REVEALING = /[#?@]/;

/**
 * A URL or request target for people and logs: without user information, without a fragment, and with the values in its
 * query replaced. Signed URLs and many APIs carry credentials there (RFC 3986 section 7.5).
 */
export function redactedTarget(target: string | URL): string {
  if (typeof target === "string" && !REVEALING.test(target)) return target;
  const [withoutFragment = ""] = String(target).split("#", 1);
  const query = withoutFragment.indexOf("?");
  const path = query < 0 ? withoutFragment : withoutFragment.slice(0, query);
  const shown = path.replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/)?[^/]*@/i, "$1");
  return query < 0 ? shown : `${shown}?${redactedQuery(withoutFragment.slice(query + 1))}`;
}

/** Longer than known query flags without a value, such as `uploads`: it may be a token. */
const LONG = 16;

/** The names are kept, and so are short parts without `=`. */
function redactedQuery(query: string): string {
  const parts = query.split("&").map((part) => {
    const equals = part.indexOf("=");
    if (equals < 0) return part.length > LONG ? REDACTED : part;
    return `${part.slice(0, equals)}=${REDACTED}`;
  });
  return parts.join("&");
}
