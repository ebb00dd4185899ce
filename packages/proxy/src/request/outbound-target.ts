import type { RequestTarget } from "@trailsum/http/inbound";
import { TrailsumError } from "@trailsum/shared";

import type { UpstreamBase } from "../upstream/upstreams.ts";
import { hasParentSegment } from "./parent-segment.ts";

/**
 * The target for an origin whose URL has a path and perhaps a query, which are prepended. Throws
 * `PROTOCOL` with status 400 for a path that could lead out of the origin's, whichever way it is read.
 */
export function joinTarget(base: Pick<UpstreamBase, "path" | "query">, { path, query }: RequestTarget): string {
  if (path === "*") return path;
  if (base.path !== "/" && hasParentSegment(path)) {
    throw new TrailsumError("PROTOCOL", "the path has a .. segment, which could lead out of what is served", {
      status: 400,
    });
  }
  const joined = joinPath(base.path, path);
  if (query === undefined && base.query === "") return joined;
  const queries = [base.query, query ?? ""].filter((text) => text !== "");
  // A query that came empty is not the same as none (RFC 3986 section 6.2.3).
  if (queries.length === 0 && query === "") return `${joined}?`;
  return queries.length === 0 ? joined : `${joined}?${queries.join("&")}`;
}

/** Throws `USAGE` for a mount path that no path can begin with. A slash at its end makes no difference. */
export function checkedMountPath(mountPath: string | undefined): string | undefined {
  if (mountPath === undefined) return undefined;
  if (!/^\/[!"$-&(-;=@-~]*$/.test(mountPath))
    throw new TrailsumError("USAGE", `mountPath is a path such as /api, and not ${JSON.stringify(mountPath)}`);
  return mountPath.replace(/\/+$/, "");
}

/** The part of a target below `mountPath`. Throws `NOT_FOUND` for a target that is not below it. */
export function belowMountPath(target: RequestTarget, mountPath: string | undefined): RequestTarget {
  if (mountPath === undefined || mountPath === "") return target;
  const { path } = target;
  if (path === mountPath) return { ...target, path: "/" };
  if (path.startsWith(`${mountPath}/`)) return { ...target, path: path.slice(mountPath.length) };
  throw new TrailsumError("NOT_FOUND", `nothing is served here but below ${mountPath}`);
}

/** Joins with exactly one slash. An escaped slash does not count: it belongs to its segment. */
export function joinPath(base: string, path: string): string {
  if (base.endsWith("/") && path.startsWith("/")) return base + path.slice(1);
  if (!base.endsWith("/") && !path.startsWith("/")) return `${base}/${path}`;
  return base + path;
}
