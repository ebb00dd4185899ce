import { TrailsumError } from "@trailsum/shared";

import { parseObjectPath } from "../stores/object-path.ts";
import type { RequestHead } from "../request/request-head.ts";

/** Whether a name in a path begins with a dot, as those of hidden files and directories do. */
export function isHidden(path: string): boolean {
  return path.startsWith(".") || path.includes("/.");
}

/** Refuses a request for a hidden name: as not there if it reads, as forbidden if it writes. */
export function refuseDotfile({ method, target }: RequestHead): void {
  // Most targets have neither, and need no second look.
  if (!/\/(?:\.|%2e)/i.test(target) || !isHidden(parseObjectPath(target).path)) return;
  if (method === "GET" || method === "HEAD") throw new TrailsumError("NOT_FOUND", "nothing is stored under this path");
  throw new TrailsumError("PATH_FORBIDDEN", "names that begin with a dot are not stored here: use another name");
}
