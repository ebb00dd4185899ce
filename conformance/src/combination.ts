/** The versions of HTTP that a side of a proxy can speak. */
export type Version = "1.1" | "2";

/** What is spoken between client and proxy, and between proxy and origin. */
export interface Combination {
  readonly client: Version;
  readonly origin: Version;
}

/** HTTP/1.1 on both sides. */
export const HTTP1: Combination = { client: "1.1", origin: "1.1" };

/** All there are. */
export const combinations: readonly Combination[] = [
  HTTP1,
  { client: "1.1", origin: "2" },
  { client: "2", origin: "1.1" },
  { client: "2", origin: "2" },
];

/** The combination as a word, client first: `1.1-2`. */
export function combinationId({ client, origin }: Combination): string {
  return `${client}-${origin}`;
}

/** The combination as people write it. */
export function combinationTitle({ client, origin }: Combination): string {
  return `HTTP/${client} → HTTP/${origin}`;
}
