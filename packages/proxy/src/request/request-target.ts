import { cleanQuery } from "./query.ts";

/** The parts of a request target (RFC 9112 section 3.2) that a proxy works with. Escapes are kept as they came. */
export interface RequestTarget {
  /** The path, escaped; `*` for OPTIONS of the whole server. */
  readonly path: string;
  /** What is behind the first `?`, without it; nothing where there is no `?`. */
  readonly query: string | undefined;
  /** The authority of an absolute-form target, which goes before `Host` (RFC 9112 section 3.2.2). */
  readonly authority: string | undefined;
}

/** Takes a target apart: origin-form, absolute-form or `*`. */
export function parseRequestTarget(target: string): RequestTarget {
  const [, authority, rest = target] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target) ?? [];
  const mark = rest.indexOf("?");
  const path = mark === -1 ? rest : rest.slice(0, mark);
  return { path, query: mark === -1 ? undefined : rest.slice(mark + 1), authority };
}

/** The target for an origin whose URL has a path and perhaps a query of its own, in front of what was asked for. */
export function joinTarget(base: URL, { path, query }: RequestTarget): string {
  if (path === "*") return path;
  const joined = joinPath(base.pathname, path);
  const queries = [base.search.slice(1), cleanQuery(query ?? "")].filter((text) => text !== "");
  // A query that came empty is not the same as none (RFC 3986 section 6.2.3).
  if (queries.length === 0 && query === "") return `${joined}?`;
  return queries.length === 0 ? joined : `${joined}?${queries.join("&")}`;
}

/** Exactly one slash at the seam. An escaped slash is no seam: it belongs to its segment. */
export function joinPath(base: string, path: string): string {
  if (base.endsWith("/") && path.startsWith("/")) return base + path.slice(1);
  if (!base.endsWith("/") && !path.startsWith("/")) return `${base}/${path}`;
  return base + path;
}
