import { randomBytes } from "node:crypto";

import type { RequestHead } from "../request/request-head.ts";
import { reservedFolder } from "../stores/object-path.ts";

const PREFIX = `/${reservedFolder}/uploads/`;

/** A new id for an upload: 128 random bits, so that it cannot be guessed. */
export function newUploadId(): string {
  return randomBytes(16).toString("hex");
}

/** The id in the target of a request to an upload resource; undefined for any other target. The query is not included. */
export function uploadIdIn(target: string): string | undefined {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/\?.*$/s, "");
  return path.startsWith(PREFIX) ? path.slice(PREFIX.length) : undefined;
}

/** The path of an upload resource as its client has to ask for it: for `Location`. */
export function uploadLocation({ mountPath }: RequestHead, id: string): string {
  return `${mountPath}${PREFIX}${id}`;
}
