import { isTrailerName } from "@trailsum/shared";
import { errors } from "undici";

import { type FieldsInit, rawFields } from "./request-fields.ts";

/** Trailer fields, or what gives them once the body has been sent. */
export type TrailersInit = FieldsInit | (() => FieldsInit | Promise<FieldsInit>);

declare module "undici" {
  // So that `trailers` is known in `request(url, { dispatcher, trailers })`, and in all other options that undici passes through.
  namespace Dispatcher {
    interface DispatchOptions {
      /** The trailer fields of the request, which a `TrailerAgent` sends and undici's own dispatchers ignore. */
      trailers?: TrailersInit | undefined;
    }
  }
}

/**
 * The lines of a trailer section from what a sender gave; a promise only where the sender gave one. Throws, or rejects
 * with, undici's `InvalidArgumentError` for a forbidden name.
 */
export function trailerSection(trailers: TrailersInit): string[] | Promise<string[]> {
  const given = typeof trailers === "function" ? trailers() : trailers;
  return given instanceof Promise ? given.then(checkedTrailers) : checkedTrailers(given);
}

/** Name, value, ... of trailer fields, refusing what may be no trailer. */
export function checkedTrailers(fields: FieldsInit): string[] {
  const raw = rawFields(fields);
  for (let at = 0; at < raw.length; at += 2) {
    if (!isTrailerName(raw[at]!)) throw new errors.InvalidArgumentError(`${raw[at]} may not be sent as a trailer`);
  }
  return raw;
}
