import { TrailsumError } from "@trailsum/shared";

import type { StagedObject, Store } from "../stores/store.ts";
import type { StoredUpload, UploadTurn } from "../stores/upload-store.ts";
import type { VerificationPolicy } from "../verify-request.ts";
import { Upload, type UploadSettings } from "./upload.ts";
import { noSuchUpload } from "./upload-errors.ts";
import { UploadAccounts, type UploadLimits } from "./upload-limits.ts";
import { newUploadId } from "./upload-location.ts";
import { formatRecord, parseRecord, type UploadRecord } from "./upload-record.ts";

/** Options of {@link Uploads}. */
export interface UploadsOptions extends VerificationPolicy, UploadLimits {
  readonly store: Store;
}

/** What is known of an upload when it is created. */
export type NewUpload = Pick<
  UploadRecord,
  "path" | "target" | "method" | "header" | "fields" | "length" | "metadata" | "client" | "digests"
>;

/** How long it is remembered that an upload was completed, for a client that lost the response. Milliseconds. */
const REMEMBERED = 10 * 60 * 1000;

/** How long the content of a request without digests is kept, so that its client can bring them. Milliseconds. */
const KEPT = 60 * 60 * 1000;

/** The uploads of a store that are received in several requests, of all protocols. */
export class Uploads {
  readonly #store: Store;
  readonly #accounts: UploadAccounts;
  readonly #settings: Omit<UploadSettings, "onChange">;

  constructor(options: UploadsOptions) {
    this.#store = options.store;
    this.#accounts = new UploadAccounts(options.store.uploads, options, (id) => this.#expire(id));
    this.#settings = {
      ...options,
      expiry: (state) =>
        Date.now() + (state === "completing" ? Math.min(this.#accounts.expiry, REMEMBERED) : this.#accounts.expiry),
      room: () => this.#accounts.room(),
    };
    this.#accounts.start();
  }

  /** How long an upload that nothing is sent to is kept, in milliseconds. */
  get expiry(): number {
    return this.#accounts.expiry;
  }

  /** How long the content of a request without digests is kept, in milliseconds. */
  get keptFor(): number {
    return Math.min(this.expiry, KEPT);
  }

  /** Creates an upload under a new id and lets `use` use it. Throws for what cannot be stored, or is more than may be staged. */
  async create<T>(created: NewUpload, id: string, use: (upload: Upload) => Promise<T>): Promise<T> {
    await this.#accounts.checkNumber(created.client);
    const room = await this.#accounts.room();
    if (room <= 0 || (created.length ?? 0) > room)
      throw new TrailsumError("NO_SPACE", "too many unfinished uploads", { retryAfter: 60_000 });
    const record = this.#newRecord(created);
    const { path, length: size } = created;
    const stored = await this.#store.uploads.create(id, formatRecord(record), { path, size });
    this.#accounts.count(id, { ...record, size: 0 });
    return this.#useInTurn(id, async () => ({ stored, record }), use);
  }

  /** Keeps a staged object as an upload that another request may complete. Undefined without room for it. */
  async keep(staged: StagedObject, created: NewUpload): Promise<string | undefined> {
    try {
      await this.#accounts.checkNumber(created.client);
      if ((await this.#accounts.room()) < (created.length ?? 0)) return undefined;
    } catch {
      return undefined;
    }
    const id = newUploadId();
    const record = { ...this.#newRecord(created), expires: Date.now() + this.keptFor };
    const { size } = await staged.keep(id, formatRecord(record));
    this.#accounts.count(id, { ...record, size });
    return id;
  }

  /** Lets `use` use an upload when its turn has come. Another request that wants it ends an append. */
  async use<T>(id: string, use: (upload: Upload) => Promise<T>): Promise<T> {
    // Only existing uploads get a lock.
    if ((await this.#find(id)) === undefined) throw noSuchUpload();
    return this.#useInTurn(id, () => this.#find(id), use);
  }

  async #useInTurn<T>(
    id: string,
    find: () => Promise<{ stored: StoredUpload; record: UploadRecord } | undefined>,
    use: (upload: Upload) => Promise<T>,
  ): Promise<T> {
    const wanted = new AbortController();
    const turn: UploadTurn = await this.#store.uploads.take(id, () => wanted.abort());
    try {
      const found = await find();
      if (found === undefined) throw noSuchUpload();
      const { stored, record } = found;
      const settings: UploadSettings = {
        ...this.#settings,
        onChange: (changed) => this.#accounts.count(id, changed),
      };
      return await use(await Upload.recover(stored, record, settings, wanted.signal));
    } finally {
      await turn.release();
    }
  }

  async #find(id: string): Promise<{ stored: StoredUpload; record: UploadRecord } | undefined> {
    const stored = await this.#store.uploads.open(id);
    const record = stored && parseRecord(stored.description);
    return stored && record && record.expires > Date.now() ? { stored, record } : undefined;
  }

  #newRecord(created: NewUpload): UploadRecord {
    return { ...created, state: "open", settled: 0, checked: undefined, expires: this.#settings.expiry() };
  }

  /** Removes an upload that has expired, unless it was used meanwhile. */
  async #expire(id: string): Promise<void> {
    const turn = await this.#store.uploads.take(id, () => {});
    try {
      const stored = await this.#store.uploads.open(id);
      const record = stored && parseRecord(stored.description);
      if (record !== undefined && record.expires > Date.now())
        this.#accounts.count(id, { ...record, size: stored!.size });
      else await stored?.discard();
    } finally {
      await turn.release();
    }
  }
}
