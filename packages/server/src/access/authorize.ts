import type { InboundRequest } from "@trailsum/http/inbound";
import { type FieldLine, type FieldLines, TrailsumError } from "@trailsum/shared";

import type { RequestHead } from "../request/request-head.ts";

/** What an {@link Authorize} hook sees of a request: its head, and where it came from. */
export interface AccessRequest {
  /** The method, as received. */
  readonly method: string;
  /** The path and the query as received; below a mount point, the rest that the framework passes. */
  readonly target: string;
  /** The header section. */
  readonly header: FieldLines;
  /** The address of the peer, which may be a proxy. */
  readonly remoteAddress: string | undefined;
  /** The address of the client, as trusted proxies state it; that of the peer without `trustForwarded`. */
  readonly clientAddress: string | undefined;
}

/**
 * The decision on a request: `true` accepts it; `false` refuses it with 403; `challenges`, the values of
 * `WWW-Authenticate` (RFC 9110 section 11.6.1), refuse it with 401.
 */
export type AccessDecision = boolean | { readonly challenges: readonly string[] };

/**
 * Decides whether a request is answered. It is called before the store is asked anything and before content is read. A
 * request for which it throws is refused: with the error's status if it is a `TrailsumError` that has one, else with 500.
 */
export type Authorize = (request: AccessRequest) => AccessDecision | Promise<AccessDecision>;

/** Why a request is not answered, and the fields that go with it. */
export interface AccessRefusal {
  readonly error: TrailsumError;
  readonly fields: readonly FieldLine[];
}

/** Asks the hook. Returns why the request is refused; undefined if it is not. Anything but `true` refuses it. */
export async function accessRefusal(
  authorize: Authorize,
  { method, target, header }: RequestHead,
  { remoteAddress }: InboundRequest,
  client: string | undefined,
): Promise<AccessRefusal | undefined> {
  const decision = await authorize({ method, target, header, remoteAddress, clientAddress: client });
  if (decision === true) return undefined;
  if (typeof decision === "object" && decision.challenges.length > 0) {
    const error = new TrailsumError("UNAUTHORIZED", "this needs credentials: none came, or they are wrong");
    return { error, fields: decision.challenges.map((challenge) => ["WWW-Authenticate", challenge]) };
  }
  return { error: new TrailsumError("FORBIDDEN", "these credentials do not permit this"), fields: [] };
}

/** Lets in what one of these hooks lets in, and challenges with all that they challenge with. */
export function anyAuthorization(...hooks: readonly Authorize[]): Authorize {
  return async (request) => {
    const challenges: string[] = [];
    for (const hook of hooks) {
      // oxlint-disable-next-line no-await-in-loop -- the first that lets it in decides
      const decision = await hook(request);
      if (decision === true) return true;
      if (typeof decision === "object") challenges.push(...decision.challenges);
    }
    return challenges.length > 0 && { challenges };
  };
}
