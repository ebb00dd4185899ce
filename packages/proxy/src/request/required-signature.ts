import type { InboundRequest } from "@trailsum/http/inbound";
import { FieldLines, type SignatureKey, unsigned, verifyUploadSignature } from "@trailsum/shared";

import { type SignatureCheck, Verification } from "../verification.ts";
import { enclosedContent } from "./enclosed-content.ts";

/** Methods that store or change something even without content. */
const WRITES: ReadonlySet<string> = new Set(["PUT", "POST", "PATCH"]);

/** Requires signatures of uploads (RFC 9421): of every request with content, and of writes without. */
export class RequiredSignature {
  readonly #keys: readonly SignatureKey[];

  /** `keys` are those that uploads may be signed with. */
  constructor(keys: readonly SignatureKey[]) {
    this.#keys = keys;
  }

  /** Checks a request whose content comes from now on, once that is there. The target is the one that the client asked for. */
  of({ method, target: { path, query }, mountPath = "", header }: InboundRequest): SignatureCheck {
    const begun = Date.now() / 1_000;
    return (computed, trailer) => {
      const message = { method, path: `${mountPath}${path}`, query, header, trailer };
      verifyUploadSignature(message, { keys: this.#keys, now: Date.now() / 1_000, begun, computed });
    };
  }

  /**
   * Refuses what can be refused before its content, and checks a request without content. Rejects with `SIGNATURE_INVALID`, or
   * with the error for a digest that is not that of no content.
   */
  async checkHead(request: InboundRequest): Promise<void> {
    const { method, header, content } = request;
    if (content === undefined ? !WRITES.has(method) : content.trailersPossible) return;
    if (!header.has("Signature-Input")) throw unsigned();
    if (content !== undefined) return;
    const message = { header, trailersPossible: false, content: enclosedContent(request), signature: this.of(request) };
    for await (const _piece of new Verification(message, "enforce").pass(Buffer.alloc(0), FieldLines.empty));
  }
}
