import type { FieldPairs } from "@trailsum/testkit/http2-hpack";

/** What of a message has arrived on a stream of HTTP/2. */
interface Http2Parts {
  readonly fields: FieldPairs;
  readonly trailers: FieldPairs;
  /** Octets of content. */
  readonly length: number;
  readonly complete: boolean;
  /** Its `content-length` says nothing of content that follows: it answers HEAD, or is a 304. */
  readonly bare: boolean;
}

const REQUEST: ReadonlySet<string> = new Set([":method", ":scheme", ":authority", ":path", ":protocol"]);
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/** What makes a message malformed (RFC 9113 section 8.1.1); nothing if it is well-formed. A proxy must never send such a one. */
export function malformation({ fields, trailers, length, complete, bare }: Http2Parts): string | undefined {
  const pseudo = fields.filter(([name]) => name.startsWith(":")).map(([name]) => name);
  if (fields.slice(0, pseudo.length).some(([name]) => !name.startsWith(":")))
    return "a pseudo-header field after a field";
  if (new Set(pseudo).size < pseudo.length) return "a pseudo field twice";
  const response = pseudo.includes(":status");
  if (pseudo.some((name) => (response ? name !== ":status" : !REQUEST.has(name)))) {
    return `pseudo fields that do not belong together: ${pseudo.join(" ")}`;
  }
  const missing = response ? undefined : missingFrom(fields, pseudo);
  if (missing !== undefined) return `no ${missing}`;
  if (trailers.some(([name]) => name.startsWith(":"))) return "a pseudo field among the trailers";
  const wrong = [...fields, ...trailers].find((line) => !isWellFormed(line));
  if (wrong !== undefined) return `the field ${JSON.stringify(wrong)}`;
  const lengths = fields.filter(([name]) => name === "content-length").map(([, value]) => value);
  if (new Set(lengths).size > 1) return `several content-length: ${lengths.join()}`;
  const [reported] = lengths;
  if (reported !== undefined && complete && !bare && reported !== String(length))
    return `content-length ${reported} for ${length}`;
  return undefined;
}

/** RFC 9113 section 8.3.1; CONNECT has no scheme and no path unless it is extended (RFC 8441 section 4). */
function missingFrom(fields: FieldPairs, pseudo: readonly string[]): string | undefined {
  const connect = fields.some(([name, value]) => name === ":method" && value === "CONNECT");
  const plain = connect && !pseudo.includes(":protocol");
  const needed = plain ? [":method", ":authority"] : [":method", ":scheme", ":path"];
  return needed.find((name) => !pseudo.includes(name));
}

function isWellFormed([name, value]: readonly [string, string]): boolean {
  if (name.startsWith(":")) return value !== "" || name === ":authority";
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return false;
  // RFC 9113 section 8.2.1: no NUL, CR or LF, and no whitespace at the ends.
  if (/[\0\r\n]|^[ \t]|[ \t]$/.test(value)) return false;
  return !CONNECTION_SPECIFIC.has(name) && (name !== "te" || value.toLowerCase() === "trailers");
}
