import { TrailsumError } from "@trailsum/shared";

/** The flags with which a request proves who sends it. */
export const credentialFlags = {
  auth: { type: "string", describe: "user:password to send; or write it in the URL" },
  token: { type: "string", describe: "bearer token to send" },
} as const;

/** What those flags hold once they are parsed. */
export interface CredentialArguments {
  readonly auth?: string | undefined;
  readonly token?: string | undefined;
  /** The fields of `-H`. */
  readonly header?: readonly string[] | undefined;
}

/** A URL without user information, and the field that says who asks for it. */
export interface AuthorizedTarget {
  readonly target: string;
  /** `Authorization`, or nothing. It goes to the origin of the URL and to no other. */
  readonly authorization: [name: string, value: string][];
}

/**
 * Removes `user:password@` from a URL, so that no message shows it, and makes an Authorization field from it or from the flags. Throws `USAGE`
 * for credentials that cannot be sent, and where it would have to choose between two.
 */
export function authorizedTarget(given: string, { auth, token, header = [] }: CredentialArguments): AuthorizedTarget {
  const { target, userInfo } = withoutUserInfo(given);
  const values = [
    ...[userInfo ?? [], auth ?? []].flat().map((credentials) => `Basic ${basic(credentials)}`),
    ...(token === undefined ? [] : [`Bearer ${bearer(token)}`]),
  ];
  const byHeader = header.filter((line) => /^authorization\s*:/i.test(line)).length;
  if (values.length + byHeader > 1) {
    throw new TrailsumError("USAGE", "credentials were given twice: use one of the URL, --auth, --token and -H");
  }
  return { target, authorization: values.map((value) => ["Authorization", value]) };
}

function withoutUserInfo(given: string): { target: string; userInfo?: string } {
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol) || (url.username === "" && url.password === "")) {
    return { target: given };
  }
  try {
    const userInfo = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    url.username = "";
    url.password = "";
    return { target: url.href, userInfo };
  } catch {
    throw new TrailsumError("USAGE", `the credentials in the URL of ${url.host} are not percent-encoded UTF-8`);
  }
}

/** RFC 7617 section 2. */
function basic(credentials: string): string {
  if (/^[^:\p{Cc}]*:\P{Cc}*$/u.test(credentials)) return Buffer.from(credentials.normalize("NFC")).toString("base64");
  throw new TrailsumError("USAGE", "credentials are written user:password, without control characters");
}

/** RFC 6750 section 2.1. */
function bearer(token: string): string {
  if (/^[\w.~+/-]+=*$/.test(token)) return token;
  throw new TrailsumError("USAGE", "a token may have letters, digits, and -._~+/ with = at its end");
}
