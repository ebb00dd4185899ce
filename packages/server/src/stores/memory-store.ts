import { Readable, Writable } from "node:stream";

import { createDigester, type Digests, type FieldLine, TrailsumError } from "@trailsum/shared";

import { checkKeptFields } from "./kept-fields.ts";
import { listMemory } from "./memory-listing.ts";
import type { ReadOptions, StagedObject, Store, StoredObject } from "./store.ts";

/** Options of {@link createMemoryStore}. */
export interface MemoryStoreOptions {
  /** The most bytes of content kept at once, staged and published together. Default: no bound. */
  readonly maxBytes?: number | undefined;
}

/** A store that keeps objects in memory and loses them with the process: for tests and for what need not last. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  const versions = new Map<string, MemoryVersion>();
  let used = 0;

  const reserve = (bytes: number): void => {
    if (used + bytes > maxBytes) throw new TrailsumError("NO_SPACE", "there is no space left to store this");
    used += bytes;
  };

  const stage = (path: string, fields: readonly FieldLine[]): StagedObject => {
    let content: MemoryContent | undefined = new MemoryContent(reserve);
    return {
      content,
      async commit(digests, { condition, verified = true } = {}) {
        const recorded = await withSha256(digests, content?.blocks ?? []);
        if (content === undefined) throw new TrailsumError("INTERNAL", "the staged object was discarded before");
        const old = versions.get(path);
        try {
          condition?.check(old);
        } catch (error) {
          await this.discard();
          throw error;
        }
        const { blocks, size } = content;
        const modified = new Date();
        versions.set(path, {
          blocks,
          size,
          digests: recorded,
          fields,
          modified,
          verified: verified ? modified : undefined,
        });
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
    async stage(path, { size = 0, fields = [] } = {}) {
      checkKeptFields(fields);
      if (used + size > maxBytes) throw new TrailsumError("NO_SPACE", "there is no space left to store this");
      return stage(path, fields);
    },
    async open(path) {
      const version = versions.get(path);
      return version && openVersion(version);
    },
    async remove(path, condition) {
      const version = versions.get(path);
      condition?.check(version);
      used -= version?.size ?? 0;
      return versions.delete(path);
    },
    async list(directory, listed) {
      return listMemory(versions, directory, listed);
    },
  };
}

/** One version of an object in memory. */
export interface MemoryVersion extends Omit<StoredObject, "createReadStream" | "close"> {
  /** All of {@link BLOCK} bytes, but for the last one. */
  readonly blocks: readonly Buffer[];
  readonly digests: Digests;
}

function openVersion(version: MemoryVersion): StoredObject {
  const { blocks, ...known } = version;
  return {
    ...known,
    createReadStream: ({ start = 0, end = version.size }: ReadOptions = {}) =>
      Readable.from(part(blocks, start, end), { objectMode: false }),
    async close() {},
  };
}

function* part(blocks: readonly Buffer[], start: number, end: number): Generator<Buffer> {
  for (let at = start; at < end;) {
    const block = Math.floor(at / BLOCK);
    const piece = blocks[block]!.subarray(at - block * BLOCK, end - block * BLOCK);
    yield piece;
    at += piece.length;
  }
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
