import { type Algorithm, createHasher, type Hasher } from "./algorithms.ts";

/** What one pass over some content found. */
export interface Digests {
  /** How many bytes there were. */
  readonly size: number;
  /** The digest of each algorithm that was asked for. */
  readonly values: ReadonlyMap<Algorithm, Buffer>;
}

/** Counts bytes and feeds them to several algorithms in one pass. */
export interface Digester {
  /** How many bytes have passed so far. */
  readonly size: number;
  /** Takes the next bytes. They are read before it returns, so the buffer may be used again. */
  update(chunk: Uint8Array): void;
  /** What was found. Nothing can be added afterwards. */
  digest(): Digests;
}

/**
 * A digester for these algorithms; with none it only counts. A promise, because some algorithms are compiled when
 * first used.
 */
export async function createDigester(algorithms: Iterable<Algorithm>): Promise<Digester> {
  const names = [...new Set(algorithms)];
  const hashers = await Promise.all(names.map(async (name) => createHasher(name)));
  return new OnePassDigester(names, hashers);
}

class OnePassDigester implements Digester {
  size = 0;
  readonly #names: readonly Algorithm[];
  readonly #hashers: readonly Hasher[];

  constructor(names: readonly Algorithm[], hashers: readonly Hasher[]) {
    this.#names = names;
    this.#hashers = hashers;
  }

  update(chunk: Uint8Array): void {
    this.size += chunk.byteLength;
    for (const hasher of this.#hashers) hasher.update(chunk);
  }

  digest(): Digests {
    const values = new Map<Algorithm, Buffer>();
    for (const [at, name] of this.#names.entries()) values.set(name, this.#hashers[at]!.digest());
    return { size: this.size, values };
  }
}
