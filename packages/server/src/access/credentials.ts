import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

import { type FieldLines, TrailsumError } from "@trailsum/shared";

import type { AccessRequest, Authorize } from "./authorize.ts";

/** A user name and a password (RFC 7617), both in Unicode's form NFC. */
export interface BasicCredentials {
  /** The user, decoded as UTF-8. */
  readonly user: string;
  /** The password, decoded as UTF-8. */
  readonly password: string;
}

/** Decides whether credentials are right. `request` is what brought them. */
export type PasswordCheck = (credentials: BasicCredentials, request: AccessRequest) => boolean | Promise<boolean>;

/** Options of `basicAuthorization`. */
export interface BasicAuthorizationOptions {
  /** Decides whether credentials are right: {@link plainPasswords}, {@link hashedPasswords}, or a function of your own. */
  readonly check: PasswordCheck;
  /**
   * What the credentials are for, as a browser shows it.
   * @default "trailsum"
   */
  readonly realm?: string | undefined;
}

/** Lets in requests with a right user name and password: `Authorization: Basic` (RFC 7617). Others get 401. */
export function basicAuthorization({ check, realm = "trailsum" }: BasicAuthorizationOptions): Authorize {
  const challenges = [`Basic realm=${quoted(realm)}, charset="UTF-8"`];
  return async (request) => {
    const credentials = basicCredentials(request.header);
    const right = credentials !== undefined && (await check(credentials, request));
    return right || { challenges };
  };
}

/** Options of `bearerAuthorization`. */
export interface BearerAuthorizationOptions {
  /** The tokens, each of which is enough. */
  readonly tokens: readonly string[];
  /**
   * What the tokens are for.
   * @default "trailsum"
   */
  readonly realm?: string | undefined;
}

/**
 * Lets in requests with one of these tokens: `Authorization: Bearer` (RFC 6750). Others get 401. How long a comparison
 * takes does not depend on how much of a token is right. Throws `USAGE` for a token that cannot be sent.
 */
export function bearerAuthorization({ tokens, realm = "trailsum" }: BearerAuthorizationOptions): Authorize {
  const unsendable = tokens.some((token) => !TOKEN.test(token));
  if (unsendable) throw new TrailsumError("USAGE", "a token may have letters, digits, and -._~+/ with = at its end");
  const challenge = `Bearer realm=${quoted(realm)}`;
  return ({ header }) => {
    const token = schemeValue(header, "bearer");
    if (token === undefined) return { challenges: [challenge] };
    // All are compared: which of them it is does not show in the time either.
    const right = tokens.filter((known) => sameSecret(known, token)).length > 0;
    return right || { challenges: [`${challenge}, error="invalid_token"`] };
  };
}

/** Checks user names and passwords that are known in plain text. The time it takes does not depend on what is right. */
export function plainPasswords(users: ReadonlyMap<string, string>): PasswordCheck {
  return ({ user, password }) => {
    const right = [...users].filter(([name, secret]) => {
      // Both, always.
      const [sameUser, samePassword] = [sameSecret(name, user), sameSecret(secret, password)];
      return sameUser && samePassword;
    });
    return right.length > 0;
  };
}

/** Reads `user:password`. Throws `USAGE` for what cannot be sent as Basic credentials; the message does not repeat it. */
export function parseCredentials(text: string): BasicCredentials {
  const credentials = splitCredentials(text);
  if (credentials !== undefined) return credentials;
  throw new TrailsumError("USAGE", "credentials are written user:password, without control characters");
}

const key = randomBytes(32);

/** A digest of a secret that is worth nothing outside of this process. */
export function fingerprint(secret: string): Buffer {
  return createHmac("sha256", key).update(secret.normalize("NFC")).digest();
}

function sameSecret(one: string, other: string): boolean {
  return timingSafeEqual(fingerprint(one), fingerprint(other));
}

/** token68 (RFC 9110 section 11.2), which a bearer token is. */
const TOKEN = /^[\w.~+/-]+=*$/;

/** What follows the scheme in `Authorization`; undefined unless there is one line of that scheme (RFC 9110 section 11.6.2). */
function schemeValue(header: FieldLines, scheme: string): string | undefined {
  const [value = "", ...others] = header.getAll("Authorization");
  const [, name = "", rest = ""] = /^(\S+) +(\S+)$/.exec(value) ?? [];
  return others.length === 0 && name.toLowerCase() === scheme && TOKEN.test(rest) ? rest : undefined;
}

function basicCredentials(header: FieldLines): BasicCredentials | undefined {
  const value = schemeValue(header, "basic");
  return value === undefined ? undefined : splitCredentials(Buffer.from(value, "base64").toString());
}

function splitCredentials(text: string): BasicCredentials | undefined {
  const colon = text.indexOf(":");
  if (colon < 0 || /\p{Cc}/u.test(text)) return undefined;
  return { user: text.slice(0, colon).normalize("NFC"), password: text.slice(colon + 1).normalize("NFC") };
}

function quoted(text: string): string {
  if (/[^\x20-\x7e]/.test(text)) throw new TrailsumError("USAGE", "a realm may have only printable ASCII characters");
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
