import { type InnerList, type Item, parseDictionary, serializeDictionary } from "structured-headers";

import type { FieldLine, FieldLines } from "../field-lines.ts";

/** The components and parameters of a signature: a member of `Signature-Input` (RFC 9421 section 4.1). */
export interface SignatureParameters {
  /** The covered components and the parameters, as an inner list of structured fields. */
  readonly inner: InnerList;
  /** Which key made it. */
  readonly keyId: string | undefined;
  readonly algorithm: string | undefined;
  /** When it was made, and from when it does not hold any more. Seconds since 1970. */
  readonly created: number | undefined;
  readonly expires: number | undefined;
}

/** A signature of a message, not verified. */
export interface MessageSignature extends SignatureParameters {
  readonly label: string;
  readonly signature: Buffer;
}

/** The most signatures of one message that are looked at. */
const MOST = 8;

/**
 * The signatures in `Signature-Input` and `Signature` (RFC 9421 sections 4.1 and 4.2) of one section. Undefined where they are
 * not what these fields must be, have no counterpart, or are more than eight.
 */
export function parseSignatures(fields: FieldLines): readonly MessageSignature[] | undefined {
  try {
    const inputs = parseDictionary(fields.getAll("Signature-Input").join(", "));
    const values = parseDictionary(fields.getAll("Signature").join(", "));
    if (inputs.size !== values.size || inputs.size > MOST) return undefined;
    return [...inputs].map(([label, member]) => {
      const [bytes] = values.get(label) ?? [];
      if (!isInnerList(member) || !(bytes instanceof ArrayBuffer)) throw new TypeError(label);
      return Object.assign(signatureParameters(member), { label, signature: Buffer.from(bytes) });
    });
  } catch {
    return undefined;
  }
}

/** The lines of both fields for a signature. */
export function formatSignature(label: string, { inner }: SignatureParameters, signature: Buffer): FieldLine[] {
  return [
    ["Signature-Input", serializeDictionary(new Map([[label, inner]]))],
    ["Signature", serializeDictionary(new Map([[label, [signature, new Map()] as Item]]))],
  ];
}

/** When a signature is made, and for how long it holds (RFC 9421 section 2.3). */
export interface SignatureTimes {
  /** When the signature is made. Seconds since 1970. */
  readonly created: number;
  /**
   * From when it does not hold any more. Seconds since 1970.
   * @default it says no such time: then the receiver decides
   */
  readonly expires?: number | undefined;
}

/** The parameters of a signature by a key (RFC 9421 section 2.3) that covers these components. */
export function describeSignature(
  components: Item[],
  { keyId, algorithm }: { readonly keyId: string; readonly algorithm: string },
  { created, expires }: SignatureTimes,
): SignatureParameters {
  const parameters = new Map<string, string | number>([["created", created]]);
  if (expires !== undefined) parameters.set("expires", expires);
  return signatureParameters([components, parameters.set("keyid", keyId).set("alg", algorithm)]);
}

/** A component as one text: its name, and the names of its parameters. */
export function componentId([name, options]: Item): string {
  return [String(name), ...options.keys()].join(";");
}

/** A field of the header as a component. */
export function headerComponent(name: string): Item {
  return [name, new Map()];
}

/** A field of the trailer section as a component (RFC 9421 section 2.1.5). */
export function trailerComponent(name: string): Item {
  return [name, new Map([["tr", true]])];
}

/** Reads the parameters of a member. Throws for components that are not strings or come twice (section 2.5). */
function signatureParameters(inner: InnerList): SignatureParameters {
  const [components, parameters] = inner;
  const text = (name: string): string | undefined => asType(parameters.get(name), "string");
  const time = (name: string): number | undefined => asType(parameters.get(name), "number");
  const names = components.map(([name, options]) => [name, ...[...options.keys()].toSorted()].join(";"));
  if (new Set(names).size !== names.length) throw new TypeError("a component comes twice");
  return { inner, keyId: text("keyid"), algorithm: text("alg"), created: time("created"), expires: time("expires") };
}

function asType(value: unknown, type: "string"): string | undefined;
function asType(value: unknown, type: "number"): number | undefined;
function asType(value: unknown, type: "string" | "number"): unknown {
  if (value === undefined || typeof value === type) return value;
  throw new TypeError("a parameter of another type");
}

function isInnerList(member: Item | InnerList): member is InnerList {
  return Array.isArray(member[0]);
}
