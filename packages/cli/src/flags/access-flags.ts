import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";

import type { Authorize, UploadHandlerOptions } from "@trailsum/server";
import { TrailsumError } from "@trailsum/shared";

import { readNamedFile } from "../files/interruptible-file.ts";
import type { Run } from "../process/process-run.ts";
import type { Rereading } from "../process/reload.ts";
import { standardInput } from "../files/standard-input.ts";

/** The flags of `serve` that decide what is let in. */
export const accessFlags = {
  auth: {
    type: "string",
    array: true,
    describe: "accept requests with this user:password (repeatable); other users of this machine can see it",
  },
  "auth-file": {
    type: "string",
    describe: "file of user:hash lines, as --hash-password makes them",
  },
  token: { type: "string", array: true, describe: "accept requests with this bearer token (repeatable)" },
  "token-file": { type: "string", describe: "file of such tokens, one on each line" },
  "hash-password": {
    type: "string",
    describe: "print the line of this user for --auth-file, and end; the password comes from standard input",
  },
  "read-only": { type: "boolean", default: false, describe: "refuse uploads" },
  "write-only": { type: "boolean", default: false, describe: "refuse downloads" },
  listing: {
    type: "boolean",
    default: true,
    describe: "list directories, as a page or as JSON (--no-listing: do not)",
  },
  dotfiles: { type: "boolean", default: false, describe: "serve and store names that begin with a dot" },
  "trust-forwarded": {
    type: "boolean",
    default: false,
    describe:
      "take the client's address from X-Forwarded-For or Forwarded, and the path before the root from X-Forwarded-Prefix: only behind a proxy that sets them",
  },
  cors: {
    type: "string",
    array: true,
    describe: "origin whose pages may use this server, such as https://app.example, or * for all (repeatable)",
  },
} as const;

/** What those flags hold once they are parsed. */
export interface AccessArguments {
  readonly auth?: readonly string[] | undefined;
  readonly authFile?: string | undefined;
  readonly token?: readonly string[] | undefined;
  readonly tokenFile?: string | undefined;
  readonly hashPassword?: string | undefined;
  readonly readOnly: boolean;
  readonly writeOnly: boolean;
  readonly listing: boolean;
  readonly dotfiles: boolean;
  readonly trustForwarded?: boolean | undefined;
  readonly cors?: readonly string[] | undefined;
}

type AccessOptions = Pick<
  UploadHandlerOptions,
  "authorize" | "readOnly" | "writeOnly" | "listing" | "dotfiles" | "trustForwarded" | "cors"
>;

/** The server's options for these flags. */
interface Access {
  readonly options: AccessOptions;
  /** Reads the files of passwords and tokens again. */
  readonly reread: Rereading;
}

/** What these flags ask for. Throws `USAGE` for values that cannot be used, and `FILE_UNREADABLE`. */
export async function accessOptions(given: AccessArguments, signal: AbortSignal): Promise<Access> {
  const { readOnly, writeOnly, listing, dotfiles, trustForwarded, cors = [] } = given;
  if (readOnly && writeOnly) throw new TrailsumError("USAGE", "--read-only and --write-only exclude each other");
  let current = await authorization(given, signal);
  // Whether anything is required never changes: the flags say so, and not what is in the files.
  const authorize: Authorize | undefined = current && ((request) => current?.(request) ?? false);
  return {
    options: {
      authorize,
      readOnly,
      writeOnly,
      listing,
      dotfiles,
      trustForwarded,
      cors: cors.includes("*") ? "*" : cors,
    },
    async reread() {
      const renewed = await authorization(given, signal);
      return () => (current = renewed);
    },
  };
}

async function authorization(given: AccessArguments, signal: AbortSignal): Promise<Authorize | undefined> {
  const { auth = [], authFile, tokenFile } = given;
  const token = [...(given.token ?? []), ...(tokenFile === undefined ? [] : await tokensIn(tokenFile, signal))];
  const server = await import("@trailsum/server");
  const hooks: Authorize[] = [];
  if (auth.length > 0 || authFile !== undefined) {
    const plain = server.plainPasswords(new Map(auth.map(server.parseCredentials).map((it) => [it.user, it.password])));
    const hashed =
      authFile === undefined ? () => false : server.hashedPasswords((await readNamedFile(authFile, signal)).toString());
    hooks.push(
      server.basicAuthorization({
        check: async (credentials, request) => (await plain(credentials, request)) || hashed(credentials, request),
      }),
    );
  }
  if (token.length > 0) hooks.push(server.bearerAuthorization({ tokens: token }));
  return hooks.length === 0 ? undefined : server.anyAuthorization(...hooks);
}

/** The tokens in a file. Throws `USAGE` if it has none. */
async function tokensIn(path: string, signal: AbortSignal): Promise<string[]> {
  const lines = (await readNamedFile(path, signal)).toString().split("\n");
  const tokens = lines.map((line) => line.trim()).filter((line) => line !== "");
  if (tokens.length === 0) throw new TrailsumError("USAGE", `${path} has no tokens: write one on each line`);
  return tokens;
}

/** What to warn of when a server like this starts: it is open to a network, or sent secrets in cleartext. */
export function accessWarnings(given: AccessArguments, url: string): string[] {
  const { auth, authFile, token, tokenFile, readOnly, writeOnly } = given;
  const { protocol, hostname } = new URL(url);
  // Who may open a socket file is decided by the permissions of its directory.
  if (protocol === "unix:") return [];
  if (/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) return [];
  if ([auth, authFile, token, tokenFile].every((credentials) => credentials === undefined)) {
    const what = [writeOnly ? [] : "read", readOnly ? [] : "write"].flat().join(" and ");
    return [`anyone who can reach ${url} can ${what} here: use --auth, --auth-file or --token`];
  }
  return protocol === "https:" ? [] : [`${url} takes passwords and tokens in cleartext: use --tls-cert and --tls-key`];
}

/** Prints the line of a user for a password file. The password is the first line of standard input. */
export async function printPasswordLine(user: string, run: Run): Promise<void> {
  const { hashPassword, parseCredentials } = await import("@trailsum/server");
  const password = await readPassword(run.signal);
  if (password === "") throw new TrailsumError("USAGE", "the password is empty: write it to standard input");
  if (user === "" || user.includes(":")) throw new TrailsumError("USAGE", "a user name has no colon, and is not empty");
  const credentials = parseCredentials(`${user}:${password}`);
  await run.print(`${credentials.user}:${await hashPassword(credentials.password)}\n`);
}

async function readPassword(signal: AbortSignal): Promise<string> {
  const input = standardInput();
  if (!process.stdin.isTTY) return (await text(input)).replace(/\r?\n$/, "");
  process.stderr.write("password: ");
  // What is typed is not shown.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input, output, terminal: true });
  try {
    return await terminal.question("", { signal });
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}
