import type { InboundRequest } from "@trailsum/http/inbound";

/** Fields of requests whose content is a range or a step of something larger: a partial PUT, the parts of tus uploads. */
const OF_PARTS: readonly string[] = ["Content-Range", "Upload-Offset", "Upload-Incomplete", "Tus-Resumable"];

/**
 * Whether the content of a request is a whole representation, of which `Repr-Digest` then is the digest, or something
 * else: a part of one, as in a resumable upload that is not complete (draft-ietf-httpbis-resumable-upload, Representation
 * Digests), or a description of changes (PATCH, RFC 9530 section 3.1 and appendix B).
 */
export function enclosedContent({ method, header }: Pick<InboundRequest, "method" | "header">): "whole" | "part" {
  if (method === "PATCH" || OF_PARTS.some((name) => header.has(name))) return "part";
  const complete = header.get("Upload-Complete");
  // Anything but true: what is not understood proves nothing.
  return complete === undefined || complete === "?1" ? "whole" : "part";
}
