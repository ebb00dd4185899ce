export { clearImmediate, queueMicrotask, setImmediate } from "./event-loop.ts";
export { isSpent, isWhole, nodeReadable } from "./node-readable.ts";
export { type ContentPieces, contentStream, readContent } from "./read-content.ts";
export {
  type BlobLike,
  bytesView,
  chunkBytes,
  isBlobLike,
  isIterable,
  isReadableLike,
  isUrl,
  isWebReadable,
  isWebWritable,
  isWritableLike,
  type ReadableLike,
  type WebReadableLike,
  type WritableLike,
} from "./stream-kinds.ts";
