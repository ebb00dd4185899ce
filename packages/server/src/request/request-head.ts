import type { InboundRequest } from "@trailsum/http/inbound";
import type { FieldLines } from "@trailsum/shared";

/** What is known of a request before its content: everything that is decided early is decided from this. */
export interface RequestHead {
  readonly method: string;
  /** The path and the query as received; below a mount point, the rest that the framework passes. */
  readonly target: string;
  /** What a framework or a trusted proxy has cut off the front of the target; empty for nothing. */
  readonly mountPath: string;
  readonly header: FieldLines;
  /** How many bytes of content there will be; undefined if only the end shows it. */
  readonly size: number | undefined;
  /** Whether the framing leaves room for a trailer section (RFC 9110 section 6.5.1). */
  readonly trailersPossible: boolean;
}

/** Reads the head of a request. `prefix` is what a trusted proxy has cut off the front of its path. */
export function requestHead(
  { method, target, mountPath = "", header, content }: InboundRequest,
  prefix = "",
): RequestHead {
  const { path, query } = target;
  return {
    method,
    target: query === undefined ? path : `${path}?${query}`,
    mountPath: prefix + mountPath,
    header,
    size: content === undefined ? 0 : content.length,
    trailersPossible: content?.trailersPossible ?? false,
  };
}
