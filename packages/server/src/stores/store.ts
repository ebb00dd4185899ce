import type { Readable, Writable } from "node:stream";

import type { Digests, FieldLine } from "@trailsum/shared";

import type { StoredUpload, UploadStore } from "./upload-store.ts";

/**
 * Where objects are kept. Paths are the names that a request's target gives: segments joined with "/", without a
 * leading slash, never empty, never with an empty, `.` or `..` segment.
 *
 * What a store promises: an object is invisible until its commit, and complete from then on; a reader that opened an
 * object before keeps reading the old one; the last of several commits to one path wins.
 * It throws `NO_SPACE` when full, `CONFLICT` when something of another kind is in the way, `PATH_INVALID` and
 * `PATH_FORBIDDEN` for names that it cannot or may not use.
 */
export interface Store {
  /** Begins an object, not visible yet. A `size` known beforehand lets a store refuse at once what cannot fit. */
  stage(path: string, options?: StageOptions): Promise<StagedObject>;
  /** The object at a path; undefined if it does not exist. It must be closed, or its stream read or destroyed. */
  open(path: string, options?: OpenOptions): Promise<StoredObject | undefined>;
  /**
   * Removes the object at a path, durably and in one step. A `condition` is checked as by {@link StagedObject.commit}.
   * Returns whether there was an object. Throws `CONFLICT` for a directory.
   */
  remove(path: string, condition?: CommitCondition): Promise<boolean>;
  /**
   * What is in a directory; "" is the root. Undefined if the directory does not exist. The entries come in the order of
   * the bytes of their keys: the name in UTF-8, with a "/" after that of a directory. What no request can name, or what
   * a symbolic link outside leads to, is left out. Memory does not grow with the directory.
   */
  list(directory: string, options?: ListOptions): Promise<AsyncIterable<ListEntry> | undefined>;
  /**
   * Creates a directory and those on the way to it, durably. Returns whether it was not there before. Throws `CONFLICT`
   * where an object is in the way.
   */
  makeDirectory(path: string): Promise<boolean>;
  /**
   * Removes a directory without objects, and with it the directories in it. Returns whether it was there. Throws `CONFLICT`
   * if there are objects in it.
   */
  removeDirectory(path: string): Promise<boolean>;
  /** Content that is received in several requests, not visible yet. */
  readonly uploads: UploadStore;
}

/** Options of {@link Store.open}. */
export interface OpenOptions {
  /**
   * Whether the sha-256 digest must be known, even if the whole object has to be read for it.
   * @default false
   */
  readonly digest?: boolean | undefined;
}

/** Options of {@link Store.stage}. */
export interface StageOptions {
  /** How many bytes there will be, where that is known. */
  readonly size?: number | undefined;
  /**
   * The fields that describe the content, such as `Content-Type`, kept with the object and returned with it. At most
   * 8 KiB, as in a header section.
   * @default none
   */
  readonly fields?: readonly FieldLine[] | undefined;
}

/** Options of {@link Store.list}. */
export interface ListOptions {
  /**
   * Whether to list the objects in all directories below, instead of directories. Directories that a symbolic
   * link leads to are not entered.
   * @default false
   */
  readonly recursive?: boolean | undefined;
  /**
   * Lists only what comes after this key, whether or not it exists.
   * @default from the beginning
   */
  readonly after?: string | undefined;
}

/** An object or a directory in a listing. */
export interface ListEntry {
  /** Its name relative to the directory that is listed: segments joined with "/". */
  readonly name: string;
  /** What it is. */
  readonly kind: "object" | "directory";
  /** Its size in bytes; 0 for a directory. */
  readonly size: number;
  /** When it was last changed. */
  readonly modified: Date;
  /** The recorded digests of an object; undefined if none are recorded. */
  readonly digests?: Digests | undefined;
  /** When the content was verified; undefined if it never was. */
  readonly verified?: Date | undefined;
  /** The fields that an object was stored with, where the store can give them without opening it. */
  readonly fields?: readonly FieldLine[] | undefined;
}

/** An object that is being received. Either {@link commit} or {@link discard} must be called, in every case. */
export interface StagedObject {
  /** Takes the content. Once it has finished, the object can be committed. */
  readonly content: Writable;
  /**
   * Publishes the object, durably and in one step, together with its digests. Call it only for content that may be seen.
   * A `condition` is checked against what is there at that instant: nothing else is committed to the path between the
   * check and the publication. If it throws, the object is discarded and the commit rejects with its error.
   */
  commit(digests: Digests, options?: CommitOptions): Promise<Committed>;
  /**
   * Makes an upload of the object, with the content that it has: what could not be published yet can be completed by another
   * request. Nothing else can be done with the object after that.
   */
  keep(id: string, description: string): Promise<StoredUpload>;
  /** Forgets the object, as if it had never been staged. It never rejects, and does nothing after a commit or a {@link keep}. */
  discard(): Promise<void>;
}

/** Options of {@link StagedObject.commit}. */
export interface CommitOptions {
  /** What has to hold of the object that is replaced. Default: nothing. */
  readonly condition?: CommitCondition | undefined;
  /**
   * Whether the content was verified by digests of its sender. Otherwise its digests are only what was computed here.
   * @default true
   */
  readonly verified?: boolean | undefined;
}

/** What has to hold of the object that a commit replaces, or that is removed. */
export interface CommitCondition {
  /** Whether `check` needs the sha-256 digest, even if the whole object has to be read for it. */
  readonly needsDigest: boolean;
  /** Throws if `current`, undefined where nothing is stored, may not be replaced. */
  readonly check: (current: ObjectVersion | undefined) => void;
}

/** What a commit did. */
export interface Committed {
  /** Whether there was nothing at that path before. */
  readonly created: boolean;
}

/** Options of {@link StoredObject.createReadStream}. */
export interface ReadOptions {
  /**
   * The position of the first byte to read.
   * @default 0
   */
  readonly start?: number | undefined;
  /**
   * The position after the last byte to read, at most the size.
   * @default the size
   */
  readonly end?: number | undefined;
  /**
   * Whether the object is closed when the stream ends or is destroyed. Otherwise it can be read again, and must be closed.
   * @default true
   */
  readonly autoClose?: boolean | undefined;
  /** The most bytes that are to be fetched at a time, where they are not in memory already. Default: as the store likes. */
  readonly chunkSize?: number | undefined;
}

/** What is known of one version of an object. */
export interface ObjectVersion {
  /** Its size in bytes. */
  readonly size: number;
  /** Its digests, as they were when it was verified; undefined if they are not known. */
  readonly digests: Digests | undefined;
  /** When it was last changed. */
  readonly modified: Date;
  /** The fields that it was stored with. */
  readonly fields: readonly FieldLine[];
}

/** One version of an object, open for reading. */
export interface StoredObject extends ObjectVersion {
  /** When the content was verified; undefined if it never was, as when it came by other means. */
  readonly verified?: Date | undefined;
  /** Its bytes. When the stream ends or is destroyed the object is closed, unless `autoClose` is false. */
  createReadStream(options?: ReadOptions): Readable;
  /** Gives back what the object holds open. Needed only where no stream was made; it never rejects. */
  close(): Promise<void>;
}
