import { diagnostics, TrailsumError, type UploadsMessage } from "@trailsum/shared";

import type { UploadEntry, UploadStore } from "../stores/upload-store.ts";
import { isForeign, parseRecord, type UploadRecord } from "./upload-record.ts";

/** How much may be staged for uploads that are not complete, and for how long. */
export interface UploadLimits {
  /**
   * How long an upload that nothing is sent to is kept, in milliseconds.
   * @default 24 hours
   */
  readonly uploadExpiry?: number | undefined;
  /**
   * The most uploads that are not complete, for all clients together. One client, which is one address, may have a quarter
   * of them.
   * @default 1000
   */
  readonly maxUploads?: number | undefined;
  /**
   * The most bytes of all uploads that are not complete.
   * @default nine tenths of the room that there is
   */
  readonly maxUploadBytes?: number | undefined;
}

/** An upload, as it counts. */
interface Counted extends Pick<UploadRecord, "state" | "expires" | "client"> {
  readonly size: number;
}

const DAY = 24 * 60 * 60 * 1000;
/** Other processes may serve the same store: what they did is looked for this often. */
const REFRESH = 60_000;

/** Counts the uploads of a store against their limits, and removes those that have expired. */
export class UploadAccounts {
  readonly expiry: number;
  readonly #store: UploadStore;
  readonly #maxUploads: number;
  readonly #maxBytes: number | undefined;
  readonly #remove: (id: string) => Promise<void>;
  #counted = new Map<string, Counted>();
  #refreshing: Promise<void> | undefined;
  #refreshed = Number.NEGATIVE_INFINITY;
  #interval = REFRESH;
  #timer: NodeJS.Timeout | undefined;

  /** `remove` removes an upload, once nothing uses it. */
  constructor(store: UploadStore, limits: UploadLimits, remove: (id: string) => Promise<void>) {
    const { uploadExpiry = DAY, maxUploads = 1_000, maxUploadBytes } = limits;
    this.expiry = uploadExpiry;
    this.#store = store;
    this.#maxUploads = maxUploads;
    this.#maxBytes = maxUploadBytes;
    this.#remove = remove;
  }

  /** Refuses one more upload of a client if there are too many. Throws `UNAVAILABLE` with 429, or with 503 for all clients. */
  async checkNumber(client: string): Promise<void> {
    await this.#refresh();
    const all = [...this.#counted.values()].filter(({ state }) => state !== "published");
    const own = all.filter((upload) => upload.client === client).length;
    const most = Math.max(1, Math.floor(this.#maxUploads / 4));
    const retryAfter = this.#untilNextExpiry();
    if (own >= most) {
      throw new TrailsumError("UNAVAILABLE", `you have ${own} unfinished uploads: finish or cancel some`, {
        status: 429,
        retryAfter,
      });
    }
    if (all.length >= this.#maxUploads)
      throw new TrailsumError("UNAVAILABLE", "there are too many unfinished uploads: try again later", { retryAfter });
  }

  /** How many bytes may still be staged. */
  async room(): Promise<number> {
    await this.#refresh();
    const staged = [...this.#counted.values()].reduce((sum, { size }) => sum + size, 0);
    const free = await this.#store.free();
    if (this.#maxBytes !== undefined) return Math.max(0, Math.min(this.#maxBytes - staged, free));
    return Math.max(0, Math.floor((free + staged) * 0.9) - staged);
  }

  /** Counts an upload with its current size; `undefined` if it is no longer staged. */
  count(id: string, upload: Counted | undefined): void {
    if (upload === undefined) this.#counted.delete(id);
    else this.#counted.set(id, upload);
    this.#publish();
    this.#schedule();
  }

  /** Looks at what is there: at the start, and now and then, because other processes may serve the same store. */
  async #refresh(): Promise<void> {
    if (Date.now() - this.#refreshed < this.#interval) return;
    this.#refreshing ??= this.#look().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #look(): Promise<void> {
    const started = Date.now();
    const counted = new Map<string, Counted>();
    for await (const entry of this.#store.entries()) {
      const upload = this.#countedOf(entry);
      // An append that takes long is recorded only at its end.
      const expires = Math.max(upload.expires, this.#counted.get(entry.id)?.expires ?? 0);
      counted.set(entry.id, { ...upload, expires });
    }
    this.#counted = counted;
    this.#refreshed = Date.now();
    this.#interval = Math.max(REFRESH, 20 * (this.#refreshed - started));
    this.#publish();
    this.#schedule();
  }

  #countedOf({ description, size, modified }: UploadEntry): Counted {
    // Its bytes count, and it is left to the front that created it.
    if (isForeign(description)) return { size, expires: Number.POSITIVE_INFINITY, client: "", state: "published" };
    const record = parseRecord(description);
    const expires = record?.expires ?? modified.getTime() + this.expiry;
    return {
      size,
      expires,
      client: record?.client ?? "",
      state: size === 0 && record?.state === "completing" ? "published" : (record?.state ?? "open"),
    };
  }

  /** Begins to remove what expires, from the start of the process. */
  start(): void {
    this.#refresh().catch(() => {});
  }

  #publish(): void {
    if (!diagnostics.uploadsChanged.hasSubscribers) return;
    const unfinished = [...this.#counted.values()].filter(({ state }) => state !== "published").length;
    diagnostics.uploadsChanged.publish({ store: this.#store, unfinished } satisfies UploadsMessage);
  }

  #untilNextExpiry(): number {
    const next = Math.min(...[...this.#counted.values()].map(({ expires }) => expires));
    return Math.min(Math.max(1_000, next - Date.now()), 60 * 60 * 1000);
  }

  /** Wakes when the next one expires. It does not keep the process running. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#counted.size === 0) return;
    const wait = Math.min(this.#untilNextExpiry(), 60_000);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#removeExpired().then(
        () => this.#schedule(),
        () => this.#schedule(),
      );
    }, wait).unref();
  }

  async #removeExpired(): Promise<void> {
    const expired = [...this.#counted].filter(([, { expires }]) => expires <= Date.now());
    await Promise.all(
      expired.map(async ([id]) => {
        this.#counted.delete(id);
        this.#publish();
        await this.#remove(id);
      }),
    );
  }
}
