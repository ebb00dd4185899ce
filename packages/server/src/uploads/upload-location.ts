import { randomBytes } from "node:crypto";

import type { InboundRequest } from "@trailsum/http/inbound";

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

/** The path of an upload resource, below where the handler is mounted: for `Location`. */
export function uploadLocation({ mountPath = "" }: InboundRequest, id: string): string {
  return `${mountPath}${PREFIX}${id}`;
}
