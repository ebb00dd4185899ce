import { S3Error } from "@trailsum/s3";

import { randomBytes } from "node:crypto";

import type { StagedObject } from "../../stores/store.ts";
import type { StoredUpload, UploadStore } from "../../stores/upload-store.ts";
import type { UploadLimits } from "../../uploads/upload-limits.ts";
import { formatRecord, type MultipartRecord, parseRecord, partId, type PartRecord } from "./multipart-record.ts";

/** A part of a multipart upload, with its content. */
export interface StoredPart {
  readonly record: PartRecord;
  readonly stored: StoredUpload;
}

/** A multipart upload in a list. */
export interface ListedUpload {
  readonly id: string;
  readonly record: MultipartRecord;
}

const DAY = 24 * 60 * 60 * 1000;
/** How often it is looked for what has expired. */
const SWEEP = 60_000;
/** A part without its upload may be of one that is being completed. */
const ORPHANED = 60 * 60 * 1000;

/** The multipart uploads of a store, of all processes that serve it. Each upload and each part is an upload of the store. */
export class MultipartUploads {
  readonly #store: UploadStore;
  readonly #expiry: number;
  readonly #maxUploads: number;
  readonly #maxBytes: number | undefined;
  /** As it was found last, with what was added since. */
  #number = 0;
  #bytes = 0;
  #swept = Number.NEGATIVE_INFINITY;
  #sweeping: Promise<void> | undefined;

  constructor(store: UploadStore, { uploadExpiry = DAY, maxUploads = 1_000, maxUploadBytes }: UploadLimits) {
    this.#store = store;
    this.#expiry = uploadExpiry;
    this.#maxUploads = maxUploads;
    this.#maxBytes = maxUploadBytes;
    this.#sweepNowAndThen();
  }

  /** Begins an upload. Throws `SlowDown` if there are too many. */
  async create(created: Omit<MultipartRecord, "kind" | "initiated" | "expires">): Promise<string> {
    await this.#sweep();
    if (this.#number >= this.#maxUploads)
      throw new S3Error("SlowDown", "There are too many unfinished multipart uploads.");
    const id = randomBytes(16).toString("hex");
    const now = Date.now();
    const record: MultipartRecord = { kind: "upload", ...created, initiated: now, expires: now + this.#expiry };
    await this.#store.create(id, formatRecord(record), { path: created.path });
    this.#number += 1;
    return id;
  }

  /** The upload of that id for that path. Throws `NoSuchUpload`. */
  async find(id: string, path: string): Promise<{ readonly record: MultipartRecord; readonly stored: StoredUpload }> {
    const stored = await this.#store.open(id);
    const record = stored && parseRecord(stored.description);
    if (stored === undefined || record?.kind !== "upload" || record.path !== path || record.expires < Date.now()) {
      throw new S3Error("NoSuchUpload");
    }
    return { record, stored };
  }

  /** Lets nothing else complete or abort the upload while `use` does. */
  async inTurn<T>(id: string, use: () => Promise<T>): Promise<T> {
    const turn = await this.#store.take(id, () => {});
    try {
      return await use();
    } finally {
      await turn.release();
    }
  }

  /** Throws `InsufficientStorage` if there is no room for so many bytes more. */
  async checkRoom(size: number): Promise<void> {
    await this.#sweep();
    const most = this.#maxBytes ?? ((await this.#store.free()) + this.#bytes) * 0.9;
    if (this.#bytes + size > most) throw new S3Error("InsufficientStorage");
  }

  /** Keeps a staged object as a part of an upload, in place of an earlier one of its number. */
  async keepPart(
    staged: StagedObject,
    id: string,
    part: Omit<PartRecord, "kind" | "upload" | "modified">,
  ): Promise<void> {
    const { path } = await this.#extend(id);
    const partsId = partId(id, part.number);
    await this.inTurn(partsId, async () => {
      const earlier = await this.#store.open(partsId);
      await earlier?.discard();
      const record: PartRecord = { kind: "part", upload: id, modified: Date.now(), ...part };
      const stored = await staged.keep(partsId, formatRecord(record));
      this.#bytes += stored.size - (earlier?.size ?? 0);
      // It may have been aborted meanwhile.
      await this.find(id, path).catch(async (error: unknown) => {
        await stored.discard();
        throw error;
      });
    });
  }

  /** The part of that number; undefined if it does not exist. */
  async part(id: string, number: number): Promise<StoredPart | undefined> {
    const stored = await this.#store.open(partId(id, number));
    const record = stored && parseRecord(stored.description);
    return stored !== undefined && record?.kind === "part" && record.upload === id ? { record, stored } : undefined;
  }

  /** All parts of an upload, in the order of their numbers. */
  async parts(id: string): Promise<PartRecord[]> {
    const found: PartRecord[] = [];
    for await (const { description } of this.#store.entries()) {
      const record = parseRecord(description);
      if (record?.kind === "part" && record.upload === id) found.push(record);
    }
    return found.toSorted((one, other) => one.number - other.number);
  }

  /** All uploads to a bucket, in the order of their keys and of their beginning. */
  async list(bucket: string): Promise<ListedUpload[]> {
    const found: ListedUpload[] = [];
    for await (const { id, description } of this.#store.entries()) {
      const record = parseRecord(description);
      if (record?.kind === "upload" && record.bucket === bucket && record.expires > Date.now())
        found.push({ id, record });
    }
    const order = (one: ListedUpload): string =>
      `${Buffer.from(one.record.key).toString("latin1")}\0${one.record.initiated}`;
    return found.toSorted((one, other) => (order(one) < order(other) ? -1 : 1));
  }

  /** Removes an upload and all its parts. */
  async remove(id: string): Promise<void> {
    await (await this.#store.open(id))?.discard();
    this.#number = Math.max(0, this.#number - 1);
    for (const { number } of await this.parts(id)) {
      // oxlint-disable-next-line no-await-in-loop -- they are many, and nothing waits for them
      const part = await this.part(id, number);
      this.#bytes -= part?.stored.size ?? 0;
      // oxlint-disable-next-line no-await-in-loop -- one file at a time is open
      await part?.stored.discard();
    }
  }

  /** An upload that parts come for does not expire. */
  async #extend(id: string): Promise<MultipartRecord> {
    return this.inTurn(id, async () => {
      const stored = await this.#store.open(id);
      const record = stored && parseRecord(stored.description);
      if (stored === undefined || record?.kind !== "upload") throw new S3Error("NoSuchUpload");
      const left = record.expires - Date.now();
      if (left < this.#expiry / 2) {
        await stored.describe(formatRecord({ ...record, expires: Date.now() + this.#expiry }));
      }
      return record;
    });
  }

  #sweepNowAndThen(): void {
    const again = (): void => void setTimeout(() => this.#sweepNowAndThen(), Math.min(SWEEP, this.#expiry)).unref();
    this.#sweep().then(again, again);
  }

  /** Counts what is there, and removes what has expired: unless that was done a moment ago. */
  async #sweep(): Promise<void> {
    if (Date.now() - this.#swept < Math.min(SWEEP, this.#expiry)) return;
    this.#sweeping ??= this.#look().finally(() => {
      this.#sweeping = undefined;
    });
    await this.#sweeping;
  }

  async #look(): Promise<void> {
    const alive = new Set<string>();
    const expired: string[] = [];
    const parts: { id: string; upload: string; modified: number; size: number }[] = [];
    for await (const { id, description, size } of this.#store.entries()) {
      const record = parseRecord(description);
      if (record?.kind === "part") parts.push({ id, upload: record.upload, modified: record.modified, size });
      else if (record !== undefined && record.expires < Date.now()) expired.push(id);
      else if (record !== undefined) alive.add(id);
    }
    this.#number = alive.size;
    this.#bytes = parts.reduce((sum, { size }) => sum + size, 0);
    this.#swept = Date.now();
    const orphans = parts.filter(
      ({ upload, modified }) => expired.includes(upload) || (!alive.has(upload) && Date.now() - modified > ORPHANED),
    );
    for (const id of [...expired, ...orphans.map((part) => part.id)]) {
      // oxlint-disable-next-line no-await-in-loop -- nothing waits for it
      await (await this.#store.open(id))?.discard();
    }
  }
}
