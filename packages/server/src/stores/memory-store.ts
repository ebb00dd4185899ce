import { Readable, Writable } from "node:stream";

import { createDigester, type Digests, TrailsumError } from "@trailsum/shared";

import type { Store, StagedObject, StoredObject } from "./store.ts";

/** Options of {@link createMemoryStore}. */
export interface MemoryStoreOptions {
  /** The most bytes of content kept at once, staged and published together. Default: no bound. */
  readonly maxBytes?: number | undefined;
}

/** A store that keeps objects in memory and loses them with the process: for tests and for what need not last. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  const versions = new Map<string, Version>();
  let used = 0;

  const reserve = (bytes: number): void => {
    if (used + bytes > maxBytes) throw new TrailsumError("NO_SPACE", "there is no space left to store this");
    used += bytes;
  };

  const stage = (path: string): StagedObject => {
    let content: MemoryContent | undefined = new MemoryContent(reserve);
    return {
      content,
      async commit(digests, condition) {
        const recorded = await withSha256(digests, content?.blocks ?? []);
        if (content === undefined) throw new TrailsumError("INTERNAL", "the staged object was discarded before");
        const old = versions.get(path);
        try {
          condition?.check(old);
        } catch (error) {
          await this.discard();
          throw error;
        }
        versions.set(path, { blocks: content.blocks, size: content.size, digests: recorded, modified: new Date() });
        content = undefined;
        used -= old?.size ?? 0;
        return { created: old === undefined };
      },
      async discard() {
        used -= content?.size ?? 0;
        content?.destroy();
        content = undefined;
      },
    };
  };

  return {
    async stage(path, { size = 0 } = {}) {
      if (used + size > maxBytes) throw new TrailsumError("NO_SPACE", "there is no space left to store this");
      return stage(path);
    },
    async open(path) {
      const version = versions.get(path);
      return version && openVersion(version);
    },
  };
}

interface Version {
  readonly blocks: readonly Buffer[];
  readonly size: number;
  readonly digests: Digests;
  readonly modified: Date;
}

function openVersion({ blocks, size, digests, modified }: Version): StoredObject {
  return {
    size,
    digests,
    modified,
    createReadStream: () => Readable.from(blocks, { objectMode: false }),
    async close() {},
  };
}

/** These digests and the sha-256 of the content, which every store can give. */
async function withSha256(digests: Digests, blocks: readonly Buffer[]): Promise<Digests> {
  if (digests.values.has("sha-256")) return digests;
  const digester = await createDigester(["sha-256"]);
  for (const block of blocks) digester.update(block);
  return { ...digests, values: new Map([...digests.values, ...digester.digest().values]) };
}

const BLOCK = 65_536;

/** Collects content in blocks, so that a sender of tiny chunks does not cost more memory than its bytes. */
class MemoryContent extends Writable {
  readonly blocks: Buffer[] = [];
  size = 0;
  readonly #reserve: (bytes: number) => void;
  #room: Buffer = Buffer.alloc(0);

  constructor(reserve: (bytes: number) => void) {
    super();
    this.#reserve = reserve;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      this.#reserve(chunk.length);
    } catch (error) {
      return done(TrailsumError.from(error));
    }
    this.size += chunk.length;
    for (let rest = chunk; rest.length > 0;) {
      if (this.#room.length === 0) this.#nextBlock();
      const copied = rest.copy(this.#room);
      this.#room = this.#room.subarray(copied);
      rest = rest.subarray(copied);
    }
    done();
  }

  override _final(done: () => void): void {
    const last = this.blocks.pop();
    if (last !== undefined) this.blocks.push(Buffer.from(last.subarray(0, last.length - this.#room.length)));
    done();
  }

  #nextBlock(): void {
    this.#room = Buffer.allocUnsafeSlow(BLOCK);
    this.blocks.push(this.#room);
  }
}
