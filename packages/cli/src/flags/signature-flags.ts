import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { parseSignatureKeys, type SignatureKey, TrailsumError } from "@trailsum/shared";

import { readNamedFile } from "../files/interruptible-file.ts";

/** The flag of servers and proxies for who may sign uploads. */
export const signatureKeysFlag = {
  "signature-keys": {
    type: "string",
    describe:
      "keys that uploads may be signed with, for --require signature: a PEM or JWK file, or a directory of them",
  },
} as const;

/** What that flag holds once it is parsed. */
export interface SignatureKeysArguments {
  readonly signatureKeys?: string | undefined;
}

/** What `--require` calls a signature. */
export const SIGNATURE = "signature";

/** The keys for `--require signature`; undefined where that is not required. Throws `USAGE` for one flag without the other. */
export async function requiredSignatureKeys(
  { signatureKeys }: SignatureKeysArguments,
  required: boolean,
  signal: AbortSignal,
): Promise<SignatureKey[] | undefined> {
  if (required !== (signatureKeys !== undefined))
    throw new TrailsumError("USAGE", "--require signature and --signature-keys belong together: give both");
  return signatureKeys === undefined ? undefined : readSignatureKeys(signatureKeys, signal);
}

/**
 * Reads the keys of a file, or of all files of a directory but hidden ones. Throws `USAGE` for a file that has no key, for two
 * keys of one name, and for a directory without any.
 */
export async function readSignatureKeys(path: string, signal: AbortSignal): Promise<SignatureKey[]> {
  const isDirectory = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  const names = isDirectory ? (await readdir(path)).filter((name) => !name.startsWith(".")).toSorted() : [];
  const files = isDirectory ? names.map((name) => join(path, name)) : [path];
  const keys = (await Promise.all(files.map((file) => keysIn(file, signal)))).flat();
  if (keys.length === 0) throw new TrailsumError("USAGE", `${path} has no keys`);
  const twice = keys.find(({ keyId }, at) => keys.findIndex((key) => key.keyId === keyId) < at);
  if (twice !== undefined)
    throw new TrailsumError("USAGE", `${path} has two keys with the name ${JSON.stringify(twice.keyId)}`);
  return keys;
}

/** Reads the one key to sign with. Throws `USAGE` for several, and for a public one. */
export async function readSigningKey(path: string, signal: AbortSignal): Promise<SignatureKey> {
  const [key, ...others] = await keysIn(path, signal);
  if (key === undefined || others.length > 0)
    throw new TrailsumError("USAGE", `${path} must have one key to sign with`);
  if (key.key.type === "public")
    throw new TrailsumError("USAGE", `${path} has a public key: sign with the private one`);
  return key;
}

async function keysIn(path: string, signal: AbortSignal): Promise<SignatureKey[]> {
  const text = (await readNamedFile(path, signal)).toString();
  try {
    return parseSignatureKeys(text);
  } catch (error) {
    throw new TrailsumError("USAGE", `${path}: ${TrailsumError.from(error).message}`, { cause: error });
  }
}
