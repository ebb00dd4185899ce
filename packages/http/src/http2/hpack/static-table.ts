import { HpackField } from "./field.ts";

/** The static table (RFC 7541 appendix A): the entry of index 1 comes first. */
export const STATIC_TABLE: readonly HpackField[] = [
  new HpackField(":authority", ""),
  new HpackField(":method", "GET"),
  new HpackField(":method", "POST"),
  new HpackField(":path", "/"),
  new HpackField(":path", "/index.html"),
  new HpackField(":scheme", "http"),
  new HpackField(":scheme", "https"),
  ...["200", "204", "206", "304", "400", "404", "500"].map((status) => new HpackField(":status", status)),
  new HpackField("accept-charset", ""),
  new HpackField("accept-encoding", "gzip, deflate"),
  ...[
    ["accept-language", "accept-ranges", "accept", "access-control-allow-origin", "age", "allow", "authorization"],
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-length"],
    [
      "content-location",
      "content-range",
      "content-type",
      "cookie",
      "date",
      "etag",
      "expect",
      "expires",
      "from",
      "host",
    ],
    ["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified", "link"],
    ["location", "max-forwards", "proxy-authenticate", "proxy-authorization", "range", "referer", "refresh"],
    ["retry-after", "server", "set-cookie", "strict-transport-security", "transfer-encoding", "user-agent", "vary"],
    ["via", "www-authenticate"],
  ]
    .flat()
    .map((name) => new HpackField(name, "")),
];

/** How many entries the static table has: the newest entry of the dynamic table has the next index. */
export const STATIC_LENGTH: number = STATIC_TABLE.length;

/** The indexes of a name in the static table, in order. */
const INDEXES: ReadonlyMap<string, readonly number[]> = Map.groupBy(
  STATIC_TABLE.map((_field, at) => at + 1),
  (index) => STATIC_TABLE[index - 1]!.name,
);

/** The indexes of the static table's entries with this name, in order. */
export function staticIndexes(name: string): readonly number[] | undefined {
  return INDEXES.get(name);
}
