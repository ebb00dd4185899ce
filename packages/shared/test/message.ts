import { type Algorithm, algorithms, createDigester, type Digests, type FieldLine, FieldLines } from "../src/index.ts";

/** Field lines in few words. */
export const lines = (...pairs: FieldLine[]): FieldLines => FieldLines.from(pairs);

/** What a receiver finds in `content`. */
export async function digestsOf(content: Uint8Array, names: readonly Algorithm[] = algorithms): Promise<Digests> {
  const digester = await createDigester(names);
  digester.update(content);
  return digester.digest();
}

/** The digest of `algorithm` in `digests`, as a member of a digest field. */
export function member(digests: Digests, algorithm: Algorithm): string {
  return `${algorithm}=:${digests.values.get(algorithm)!.toString("base64")}:`;
}

/** The content that the tests speak of, and what a receiver finds in it. */
export const content: Buffer = Buffer.from('{"hello": "world"}\n');
export const computed: Digests = await digestsOf(content);

/** What a receiver would find in other content of another size: every claim about it is wrong about `content`. */
export const tampered: Digests = await digestsOf(Buffer.from('{"hello": "woXYZ!"}\n'));

/** For each integrity field a value that holds, one that does not, and one that nobody can understand. */
export const values = {
  Md5: { right: hex(computed), wrong: hex(tampered), garbled: "no hex" },
  Size: { right: String(computed.size), wrong: String(tampered.size), garbled: "-1" },
  "Content-Digest": {
    right: member(computed, "sha-256"),
    wrong: member(tampered, "sha-256"),
    garbled: "sha-256=:AAAA:",
  },
  "Repr-Digest": { right: member(computed, "sha-512"), wrong: member(tampered, "sha-512"), garbled: "sha-512=:====:" },
  "Content-MD5": { right: base64(computed), wrong: base64(tampered), garbled: "AAAA" },
} as const;

function hex(digests: Digests): string {
  return digests.values.get("md5")!.toString("hex");
}

function base64(digests: Digests): string {
  return digests.values.get("md5")!.toString("base64");
}
