import { Readable } from "node:stream";

import { TrailsumError } from "@trailsum/shared";

import { MemoryBlocks, MemoryContent, partOfBlocks, type ReserveMemory } from "./memory-content.ts";
import type { Committed, ReadOptions } from "../store.ts";
import type {
  CreateUploadOptions,
  StoredUpload,
  UploadAppend,
  UploadCommitOptions,
  UploadEntry,
  UploadStore,
  UploadTurn,
} from "../upload-store.ts";
import { UploadTurns } from "../upload-turns.ts";

/** The parts of a memory store that its uploads use. */
export interface UploadsInMemoryOptions {
  readonly reserve: ReserveMemory;
  /** How many bytes there is room for. */
  readonly free: () => number;
  /** Publishes content. The memory is the object's from then on. */
  readonly publish: (path: string, content: MemoryBlocks, options: UploadCommitOptions) => Promise<Committed>;
}

/** The uploads of a memory store. */
export class UploadsInMemory implements UploadStore {
  readonly #options: UploadsInMemoryOptions;
  readonly #uploads = new Map<string, UploadInMemory>();
  readonly #turns = new UploadTurns();

  constructor(options: UploadsInMemoryOptions) {
    this.#options = options;
  }

  async create(id: string, description: string, { size = 0 }: CreateUploadOptions): Promise<StoredUpload> {
    if (size > this.#options.free()) throw new TrailsumError("NO_SPACE", "no space left to store this");
    return this.adopt(id, description, new MemoryBlocks(this.#options.reserve));
  }

  /** Makes an upload of content that was staged. */
  adopt(id: string, description: string, content: MemoryBlocks): StoredUpload {
    const upload = new UploadInMemory(id, description, content, {
      ...this.#options,
      forget: () => void this.#uploads.delete(id),
    });
    this.#uploads.set(id, upload);
    return upload;
  }

  async open(id: string): Promise<StoredUpload | undefined> {
    return this.#uploads.get(id);
  }

  async *entries(): AsyncIterable<UploadEntry> {
    for (const { id, description, size, modified } of this.#uploads.values()) yield { id, description, size, modified };
  }

  async take(id: string, onWanted: () => void): Promise<UploadTurn> {
    const end = await this.#turns.take(id, onWanted);
    return { release: async () => end() };
  }

  async free(): Promise<number> {
    return this.#options.free();
  }
}

class UploadInMemory implements StoredUpload {
  readonly id: string;
  description: string;
  modified = new Date();
  published = false;
  #content: MemoryBlocks;
  readonly #options: UploadsInMemoryOptions & { readonly forget: () => void };

  constructor(
    id: string,
    description: string,
    content: MemoryBlocks,
    options: UploadsInMemoryOptions & { readonly forget: () => void },
  ) {
    this.id = id;
    this.description = description;
    this.#content = content;
    this.#options = options;
  }

  get size(): number {
    return this.#content.size;
  }

  async append(): Promise<UploadAppend> {
    this.modified = new Date();
    return new MemoryContent(this.#content);
  }

  async describe(description: string): Promise<void> {
    this.modified = new Date();
    this.description = description;
  }

  async truncate(size: number): Promise<void> {
    this.#content.truncate(size);
  }

  read(options: Omit<ReadOptions, "chunkSize"> = {}): Readable {
    return Readable.from(partOfBlocks(this.#content.blocks, options), { objectMode: false });
  }

  async commit(path: string, options: UploadCommitOptions): Promise<Committed> {
    const committed = await this.#options.publish(path, this.#content, options);
    this.published = true;
    this.#content = new MemoryBlocks(this.#options.reserve);
    return committed;
  }

  async discard(): Promise<void> {
    this.#content.truncate(0);
    this.#options.forget();
  }
}
