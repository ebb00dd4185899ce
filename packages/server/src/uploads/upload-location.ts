import { randomBytes } from "node:crypto";

import type { InboundRequest } from "@trailsum/http/inbound";

import { reservedFolder } from "../object-path.ts";

const PREFIX = `/${reservedFolder}/uploads/`;

/** A new id for an upload: 128 random bits, as nobody may guess one. */
export function newUploadId(): string {
  return randomBytes(16).toString("hex");
}

/** The id in the target of a request to an upload resource; undefined for any other target. A query is not part of it. */
export function uploadIdIn(target: string): string | undefined {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/\?.*$/s, "");
  return path.startsWith(PREFIX) ? path.slice(PREFIX.length) : undefined;
}

/** The path of an upload resource, below where the handler is mounted: for `Location`. */
export function uploadLocation(request: InboundRequest, id: string): string {
  return `${mountPath(request)}${PREFIX}${id}`;
}

/** What a framework has taken off the front of the target: Express and Connect keep the whole in `originalUrl`. */
function mountPath({ message }: InboundRequest): string {
  if (message === undefined || !("originalUrl" in message) || typeof message.originalUrl !== "string") return "";
  const [original = ""] = message.originalUrl.split("?", 1);
  const [rest = ""] = (message.url ?? "").split("?", 1);
  return original.endsWith(rest) ? original.slice(0, original.length - rest.length).replace(/\/$/, "") : "";
}
