import type { Digests } from "@trailsum/shared";

import { CountedContent } from "./counted-content.ts";
import { QuotaUpload } from "./quota-upload.ts";
import type { Committed, CommitOptions, StagedObject, Store } from "../store.ts";
import { type Reservation, StoreUsage } from "./store-usage.ts";
import type { StoredUpload } from "../upload-store.ts";

/** A store that takes no more than so many bytes: what is over the quota is refused with `NO_SPACE`. */
export function createQuotaStore(store: Store, quota: number): Store {
  const usage = new StoreUsage(store, quota);
  usage.start();
  const { uploads } = store;
  return {
    async stage(path, options) {
      const room = await usage.reserve(options?.size);
      try {
        return new QuotaStagedObject(await store.stage(path, options), path, room, usage);
      } catch (error) {
        room.release();
        throw error;
      }
    },
    async remove(path, condition) {
      const size = await usage.sizeOf(path);
      const removed = await store.remove(path, condition);
      if (removed) usage.add(-size);
      return removed;
    },
    open: (...args) => store.open(...args),
    list: (...args) => store.list(...args),
    makeDirectory: (path) => store.makeDirectory(path),
    removeDirectory: (path) => store.removeDirectory(path),
    uploads: {
      async create(id, description, options) {
        await usage.admit(options.size ?? 1);
        return new QuotaUpload(await uploads.create(id, description, options), usage);
      },
      async open(id) {
        const upload = await uploads.open(id);
        return upload && new QuotaUpload(upload, usage);
      },
      entries: () => uploads.entries(),
      take: (...args) => uploads.take(...args),
      free: async () => Math.min(await uploads.free(), await usage.room()),
    },
  };
}

/** An object that is being received, and the room for it. */
class QuotaStagedObject implements StagedObject {
  readonly content: CountedContent<StagedObject["content"]>;
  readonly #staged: StagedObject;
  readonly #path: string;
  readonly #room: Reservation;
  readonly #usage: StoreUsage;

  constructor(staged: StagedObject, path: string, room: Reservation, usage: StoreUsage) {
    this.content = new CountedContent(staged.content, room);
    this.#staged = staged;
    this.#path = path;
    this.#room = room;
    this.#usage = usage;
  }

  async commit(digests: Digests, options?: CommitOptions): Promise<Committed> {
    const before = await this.#usage.sizeOf(this.#path).catch(() => 0);
    try {
      const committed = await this.#staged.commit(digests, options);
      this.#usage.add(digests.size - (committed.created ? 0 : before));
      return committed;
    } finally {
      this.#room.release();
    }
  }

  async keep(id: string, description: string): Promise<StoredUpload> {
    try {
      const upload = await this.#staged.keep(id, description);
      this.#usage.add(upload.size);
      return new QuotaUpload(upload, this.#usage);
    } finally {
      this.#room.release();
    }
  }

  async discard(): Promise<void> {
    await this.#staged.discard();
    this.content.destroy();
    this.#room.release();
  }
}
