import type { Readable, Writable } from "node:stream";

import type { Digests, FieldLine } from "@trailsum/shared";

import type { CommitOptions, Committed, ReadOptions } from "./store.ts";

/**
 * Content that is received in several requests and survives the process that receives it. Every upload has an id, which the
 * caller makes and which cannot be guessed (32 hex digits), and a description, which the store keeps without reading it.
 */
export interface UploadStore {
  /**
   * Creates an upload without content, durably. Throws what {@link Store.stage} throws for a path or a size that cannot be
   * stored.
   */
  create(id: string, description: string, options: CreateUploadOptions): Promise<StoredUpload>;
  /** The upload of that id; undefined if it does not exist. */
  open(id: string): Promise<StoredUpload | undefined>;
  /** All uploads, in no order. One that is removed meanwhile may be left out. */
  entries(): AsyncIterable<UploadEntry>;
  /**
   * Waits until no other request, in this process or another process with the same store, uses the upload, and keeps it until
   * {@link UploadTurn.release}. The one that uses it is asked to stop: its `onWanted` is called. Throws `UNAVAILABLE` if it
   * does not stop for two minutes.
   */
  take(id: string, onWanted: () => void): Promise<UploadTurn>;
  /** How many bytes there is room for; `Infinity` where that is not known. */
  free(): Promise<number>;
}

/** Options of {@link UploadStore.create}. */
export interface CreateUploadOptions {
  /** Where the object is to be published. */
  readonly path: string;
  /** How many bytes there will be, where that is known. */
  readonly size?: number | undefined;
}

/** The right to use an upload. */
export interface UploadTurn {
  /** Lets the next request use it. Never rejects. */
  release(): Promise<void>;
}

/** An upload in a list of all. */
export interface UploadEntry {
  /** Its id. */
  readonly id: string;
  /** Its description. */
  readonly description: string;
  /** How many bytes of content the store holds for it. */
  readonly size: number;
  /** When it was last written to. */
  readonly modified: Date;
}

/** An upload. Only the request whose turn it is may change it. */
export interface StoredUpload {
  /** Its id. */
  readonly id: string;
  /** How many bytes of content there are: after {@link append} has finished or been destroyed, with what was appended. */
  readonly size: number;
  /** Its description: at most 64 KiB. */
  readonly description: string;
  /** Whether the content was published. Only the description is left then. */
  readonly published: boolean;
  /** Appends content. One at a time. */
  append(): Promise<UploadAppend>;
  /** Replaces the description, durably and in one step. */
  describe(description: string): Promise<void>;
  /** Removes the content after the first `size` bytes, durably. */
  truncate(size: number): Promise<void>;
  /** Reads the content or a part. */
  read(options?: Omit<ReadOptions, "chunkSize">): Readable;
  /** Publishes the content as {@link StagedObject.commit} does. What fails leaves the upload as it was. */
  commit(path: string, options: UploadCommitOptions): Promise<Committed>;
  /** Removes the upload, and with it the content that was not published. */
  discard(): Promise<void>;
}

/** Takes content that is appended to an upload. After `finish` it is durable. If the stream is destroyed, the bytes written so far stay. */
export interface UploadAppend extends Writable {
  /** How many bytes of the whole upload are durable by now. It never decreases. */
  readonly durable: number;
}

/** Options of {@link StoredUpload.commit}. */
export interface UploadCommitOptions extends CommitOptions {
  /** The digests of the content. */
  readonly digests: Digests;
  /**
   * The fields that describe the content, kept with the object.
   * @default none
   */
  readonly fields?: readonly FieldLine[] | undefined;
}
