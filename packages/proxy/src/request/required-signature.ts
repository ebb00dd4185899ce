import type { InboundRequest } from "@trailsum/http/inbound";
import { algorithmsWanted, type SignatureKey, unsigned, verdictError, verifyUploadSignature } from "@trailsum/shared";

import { judgeNoContent, type VerifiableMessage } from "../verification.ts";
import type { Admission } from "./admitted-request.ts";
import { enclosedContent } from "./enclosed-content.ts";

/** Methods that store or change something even without content. */
const WRITES: ReadonlySet<string> = new Set(["PUT", "POST", "PATCH"]);

/**
 * Admits only uploads that are signed with one of these keys (RFC 9421): every request with content, and writes without. What can
 * be refused before its content is.
 */
export function requiredSignature(keys: readonly SignatureKey[]): Admission {
  return async ({ request, content }) => {
    const outline = request.content;
    if (outline === undefined && !WRITES.has(request.method)) return { request, content };
    if (outline?.trailersPossible !== true && !request.header.has("Signature-Input")) throw unsigned();
    const verifiable = signedMessage(request, keys);
    if (outline === undefined) await judgeNoContent(verifiable);
    return { request, content, verifiable };
  };
}

/** What the content must be: verified, and signed. The target is the one that the client asked for. */
function signedMessage(request: InboundRequest, keys: readonly SignatureKey[]): VerifiableMessage {
  const { method, target, mountPath = "", header, content } = request;
  const begun = Date.now() / 1_000;
  return {
    header,
    trailersPossible: content?.trailersPossible === true,
    content: enclosedContent(request),
    hints: algorithmsWanted(header),
    judge(verdict, trailer) {
      if (verdict.name !== "verified") throw verdictError(verdict);
      const message = { method, path: `${mountPath}${target.path}`, query: target.query, header, trailer };
      verifyUploadSignature(message, { keys, now: Date.now() / 1_000, begun, computed: verdict.computed });
    },
  };
}
