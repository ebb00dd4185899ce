/** Octets that belong together, such as those of a token: 1 at each of them, 0 at the others. */
export type OctetClass = Uint8Array;

/** The octets that `pattern` matches, as latin1 characters. To look one up costs less than to match it. */
export function octetClass(pattern: RegExp): OctetClass {
  return Uint8Array.from({ length: 256 }, (_, octet) => Number(pattern.test(String.fromCharCode(octet))));
}

/** The octets of a token (RFC 9110 section 5.6.2), of which field names and methods are made. */
export const TOKEN: OctetClass = octetClass(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/);
