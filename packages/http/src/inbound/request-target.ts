/** The parts of a request target (RFC 9112 section 3.2) that a server works with. Escapes are kept as they came. */
export interface RequestTarget {
  /** The path, escaped; `*` for OPTIONS of the whole server. */
  readonly path: string;
  /** The part after the first `?`; undefined without a `?`. */
  readonly query: string | undefined;
  /** The authority of an absolute-form target, which goes before `Host` (RFC 9112 section 3.2.2). */
  readonly authority: string | undefined;
}

/** Takes a target apart: origin-form, absolute-form or `*`. */
export function parseRequestTarget(target: string): RequestTarget {
  // By far the most common: origin-form.
  const absolute = target.startsWith("/") ? null : /^https?:\/\/([^/?#]*)(.*)$/is.exec(target);
  const authority = absolute?.[1];
  const rest = absolute?.[2] ?? target;
  const mark = rest.indexOf("?");
  const path = mark === -1 ? rest : rest.slice(0, mark);
  return { path, query: mark === -1 ? undefined : rest.slice(mark + 1), authority };
}
