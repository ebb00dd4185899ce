import { isAnyArrayBuffer, isUint8Array } from "node:util/types";

// By what they can do, and never by their class: readable-stream, other copies of a library and other realms have
// separate classes, and a stream that is mistaken for an iterable can appear to end early.

type Listener = (value?: unknown) => void;

/** A readable stream of Node, of readable-stream, or of Node's past: it has `pipe` and emits what it reads. */
export interface ReadableLike {
  /** Pipes what it reads into a destination. */
  pipe(destination: NodeJS.WritableStream): unknown;
  /** Adds a listener. */
  on(event: string, listener: Listener): unknown;
  /** Adds a listener before the others. */
  prependListener?(event: string, listener: Listener): unknown;
  /** Stops emitting `data`. */
  pause?(): unknown;
  /** Starts emitting `data`. */
  resume?(): unknown;
  /** Releases its resources, and emits `error` if there is one. */
  destroy?(error?: Error): unknown;
  /** Whether it can still be read. */
  readonly readable?: boolean;
  /** Whether it can be written to, as a duplex can. */
  readonly writable?: boolean;
  /** Whether `end` was emitted. */
  readonly readableEnded?: boolean;
  /** Whether `destroy` was called. */
  readonly destroyed?: boolean;
  /** Whether `close` was emitted. */
  readonly closed?: boolean;
  /** Whether an incoming message was aborted. */
  readonly aborted?: boolean;
  /** The error that destroyed it. */
  readonly errored?: Error | null;
}

/** A writable stream of Node, of readable-stream, or of Node's past. */
export interface WritableLike {
  /** Returns false when it takes no more until `drain`; old streams may return nothing. */
  write(chunk: Uint8Array): unknown;
  /** Ends it after what was written. */
  end(): unknown;
  /** Adds a listener. */
  on(event: string, listener: Listener): unknown;
  /** Removes a listener. */
  removeListener(event: string, listener: Listener): unknown;
  /** Releases its resources, and emits `error` if there is one. */
  destroy?(error?: Error): unknown;
  /** Whether `destroy` was called. */
  readonly destroyed?: boolean;
  /** Whether it can still be written to. */
  readonly writable?: boolean;
  /** Whether `end` was called. */
  readonly writableEnded?: boolean;
  /** The error that destroyed it. */
  readonly errored?: Error | null;
}

/** A web stream that is read, of this realm or another. */
export interface WebReadableLike {
  /** Locks the stream and returns its reader. */
  getReader(): WebReaderLike;
  /** Whether it has a reader. */
  readonly locked: boolean;
}

/** The default reader of a {@link WebReadableLike}. */
interface WebReaderLike {
  read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
  cancel(reason?: unknown): Promise<void>;
  releaseLock(): void;
}

/** What `Blob` and `File` have in common with those of libraries and other realms. */
export interface BlobLike {
  /** Its size in bytes. */
  readonly size: number;
  /** Its media type; empty if it is unknown. */
  readonly type: string;
  /** Returns its content as a web stream. */
  stream(): unknown;
}

/** Whether it can be read as a Node stream. A write-only stream has a `pipe` too, which throws. */
export function isReadableLike(value: unknown): value is ReadableLike {
  if (!has(value, "pipe", "on")) return false;
  return !("_writableState" in value) || "_readableState" in value;
}

/** Whether it can be written to as a Node stream. */
export function isWritableLike(value: unknown): value is WritableLike {
  return has(value, "write", "end", "on");
}

/** Whether it is a web `ReadableStream`. */
export function isWebReadable(value: unknown): value is WebReadableLike {
  return has(value, "getReader", "cancel");
}

/** Whether it is a web `WritableStream`. */
export function isWebWritable(value: unknown): value is WritableStream<Uint8Array> {
  return has(value, "getWriter", "abort");
}

/** Whether it is a `Blob` or a `File`. */
export function isBlobLike(value: unknown): value is BlobLike {
  if (!has(value, "stream", "arrayBuffer")) return false;
  const { [Symbol.toStringTag]: tag } = value as { [Symbol.toStringTag]?: unknown };
  return (tag === "Blob" || tag === "File") && "size" in value && typeof value.size === "number";
}

/** Whether it is a `URL`. */
export function isUrl(value: unknown): value is URL {
  if (typeof value !== "object" || value === null || !("href" in value && "protocol" in value)) return false;
  return typeof value.href === "string" && typeof value.protocol === "string" && "searchParams" in value;
}

/** Whether it can be iterated, asynchronously or not. A string is not taken for one. */
export function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof value !== "object" || value === null) return false;
  return has(value, Symbol.asyncIterator) || has(value, Symbol.iterator);
}

/** The bytes of an `ArrayBuffer` or of any view of one, without a copy; `undefined` for anything else. */
export function bytesView(value: unknown): Uint8Array | undefined {
  if (isUint8Array(value)) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return isAnyArrayBuffer(value) ? new Uint8Array(value) : undefined;
}

/** The bytes of a chunk that a stream or an iterable gave; a string is UTF-8. `undefined` for anything else. */
export function chunkBytes(chunk: unknown): Uint8Array | undefined {
  return typeof chunk === "string" ? Buffer.from(chunk) : bytesView(chunk);
}

function has(value: unknown, ...methods: readonly PropertyKey[]): value is object {
  if (typeof value !== "object" || value === null) return false;
  return methods.every((method) => typeof (value as Record<PropertyKey, unknown>)[method] === "function");
}
