import type { ContentSource, InboundExchange, InboundRequest } from "@trailsum/http/inbound";

import type { VerifiableMessage } from "../verification.ts";
import type { OutboundRequest } from "./outbound-request.ts";

/** A request that may be forwarded, in its parsed form. */
export interface AdmittedRequest {
  readonly request: InboundRequest;
  /** Nothing where the request has none. */
  readonly content: ContentSource | undefined;
  /** What the content must be; undefined where `verify` alone decides. */
  readonly verifiable?: VerifiableMessage | undefined;
  /** Signs the request that goes out, after all that changes it. */
  readonly sign?: ((out: OutboundRequest) => void) | undefined;
}

/** Decides whether a request is forwarded, before any of its content is. Throws or rejects where it is not. */
export type Admission = (exchange: InboundExchange) => AdmittedRequest | Promise<AdmittedRequest>;
