import { decideVerdict, type Verdict } from "@trailsum/shared";

import type { RequestHead } from "./request-head.ts";
import { isAcceptable, type VerificationPolicy } from "../verify-request.ts";

/**
 * The verdict on a request that its head alone makes unacceptable, with any content: then
 * the content need not be sent. A digest that cannot be understood stays so; and where the framing leaves no room for
 * trailers, what is not in the header will not come.
 */
export function earlyVerdict(head: RequestHead, policy: VerificationPolicy): Verdict | undefined {
  const { header, size, trailersPossible } = head;
  // The announced size is the size: a request that brings less does not arrive whole.
  const computed = { size: size ?? 0, values: new Map() };
  const verdict = decideVerdict({ header, computed, require: policy.require ?? [] });
  if (verdict.name === "malformed") return verdict;
  if (trailersPossible || isAcceptable(verdict, policy)) return undefined;
  // Digests are there, and nothing has been computed yet to compare them with.
  if (verdict.name !== "mismatched" && verdict.unsupported.length > 0) return undefined;
  return verdict;
}
