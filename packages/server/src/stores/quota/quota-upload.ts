import type { Readable } from "node:stream";

import { CountedContent } from "./counted-content.ts";
import type { Committed } from "../store.ts";
import type { StoreUsage } from "./store-usage.ts";
import type { StoredUpload, UploadAppend, UploadCommitOptions } from "../upload-store.ts";

/** An upload of a store with a quota: what is appended counts. */
export class QuotaUpload implements StoredUpload {
  readonly #stored: StoredUpload;
  readonly #usage: StoreUsage;

  constructor(stored: StoredUpload, usage: StoreUsage) {
    this.#stored = stored;
    this.#usage = usage;
  }

  get id(): string {
    return this.#stored.id;
  }

  get size(): number {
    return this.#stored.size;
  }

  get description(): string {
    return this.#stored.description;
  }

  get published(): boolean {
    return this.#stored.published;
  }

  async append(): Promise<UploadAppend> {
    const room = await this.#usage.reserve(undefined);
    const before = this.size;
    const content = new CountedAppend(await this.#stored.append(), room);
    content.once("close", () => {
      room.release();
      this.#usage.add(this.size - before);
    });
    return content;
  }

  describe(description: string): Promise<void> {
    return this.#stored.describe(description);
  }

  async truncate(size: number): Promise<void> {
    const before = this.size;
    await this.#stored.truncate(size);
    this.#usage.add(this.size - before);
  }

  read(options?: Parameters<StoredUpload["read"]>[0]): Readable {
    return this.#stored.read(options);
  }

  async commit(path: string, options: UploadCommitOptions): Promise<Committed> {
    const replaced = await this.#usage.sizeOf(path).catch(() => 0);
    const committed = await this.#stored.commit(path, options);
    // The content is the object now, and still counts.
    if (!committed.created) this.#usage.add(-replaced);
    return committed;
  }

  async discard(): Promise<void> {
    const size = this.published ? 0 : this.size;
    await this.#stored.discard();
    this.#usage.add(-size);
  }
}

class CountedAppend extends CountedContent<UploadAppend> implements UploadAppend {
  get durable(): number {
    return this.target.durable;
  }
}
