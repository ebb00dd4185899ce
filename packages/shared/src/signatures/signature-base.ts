import { serializeInnerList, serializeItem } from "structured-headers";

import { TrailsumError } from "../errors.ts";
import type { FieldLines } from "../field-lines.ts";
import type { SignatureParameters } from "./signature-fields.ts";

/** A request whose parts are signed (RFC 9421 section 2). */
export interface SignableRequest extends SignableFields {
  /** The method of the request, as received. */
  readonly method: string;
  /** The absolute path of the target, escapes as they are on the wire. */
  readonly path: string;
  /** The query of the target without its `?`; undefined where it has none. */
  readonly query?: string | undefined;
  /** The host that was asked for, with its port unless that is the default of the scheme. */
  readonly authority?: string | undefined;
}

/** A response whose parts are signed. */
export interface SignableResponse extends SignableFields {
  readonly status: number;
}

/** The fields of a message. */
interface SignableFields {
  /** The header section. */
  readonly header: FieldLines;
  /** The trailer section, for components with the parameter `tr`. */
  readonly trailer: FieldLines;
}

type SignableMessage = SignableRequest | SignableResponse;

/**
 * The signature base: what is signed (RFC 9421 section 2.5). Throws `SIGNATURE_INVALID` for a component that the message does
 * not have or that is not known here, because a base without it would cover less than the signature claims.
 */
export function signatureBase(message: SignableMessage, parameters: SignatureParameters): string {
  const lines = parameters.inner[0].map((component) => {
    const [name, options] = component;
    const value =
      typeof name === "string" ? componentValue(message, name, new Map(options as Map<string, unknown>)) : undefined;
    if (value === undefined) throw unavailable(serializeItem(component));
    return `${serializeItem(component)}: ${value}\n`;
  });
  return `${lines.join("")}"@signature-params": ${serializeInnerList(parameters.inner)}`;
}

function componentValue(
  message: SignableMessage,
  name: string,
  options: ReadonlyMap<string, unknown>,
): string | undefined {
  if (name.startsWith("@")) return options.size === 0 ? derivedValue(message, name) : undefined;
  const inTrailer = options.get("tr") === true;
  // `sf`, `key`, `bs` and `req` are other readings of a field; none of them is needed here.
  if (options.size > (inTrailer ? 1 : 0) || name !== name.toLowerCase()) return undefined;
  const values = (inTrailer ? message.trailer : message.header).getAll(name);
  return values.length === 0 ? undefined : values.map((value) => value.trim()).join(", ");
}

/** RFC 9421 section 2.2. */
function derivedValue(message: SignableMessage, name: string): string | undefined {
  if ("status" in message) return name === "@status" ? String(message.status) : undefined;
  const { method, path, query, authority } = message;
  switch (name) {
    case "@method":
      return method;
    case "@path":
      return path;
    case "@query":
      return `?${query ?? ""}`;
    case "@authority":
      return authority?.toLowerCase();
    default:
      return undefined;
  }
}

function unavailable(component: string): TrailsumError {
  return new TrailsumError(
    "SIGNATURE_INVALID",
    `the signature covers ${component}, which the message does not have here`,
  );
}
