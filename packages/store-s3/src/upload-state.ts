import type { MultipartUpload, ReceivedPart } from "./bucket.ts";

/** A segment of the content of an upload, in its own object. */
export interface Segment {
  /** Its name below the upload's keys. */
  readonly name: string;
  readonly etag: string;
  readonly size: number;
}

/** The beginning of the content, where it is in a multipart upload: it cannot be read before it is published. */
export interface UploadBase {
  readonly upload: MultipartUpload;
  readonly parts: readonly ReceivedPart[];
  /** The version that it becomes. */
  readonly id: string;
}

/** What is stored of an upload beside its content. One small object, which is replaced as a whole. */
export interface UploadState {
  readonly description: string;
  readonly base?: UploadBase | undefined;
  /** In their order. Only the last one may be smaller than a part. */
  readonly segments: readonly Segment[];
  /** The object that the content becomes: if it exists, the upload was published, regardless of the other members. */
  readonly publishing?: { readonly key: string; readonly id: string } | undefined;
  readonly published: boolean;
}

/** How many bytes of content there are. */
export function sizeOf({ base, segments }: UploadState): number {
  return baseSize(base) + segments.reduce((sum, { size }) => sum + size, 0);
}

/** How many bytes of them are in the multipart upload. */
export function baseSize(base: UploadBase | undefined): number {
  return base?.parts.reduce((sum, { size }) => sum + size, 0) ?? 0;
}

export function formatState(state: UploadState): Buffer {
  return Buffer.from(JSON.stringify(state));
}

/** Reads a state; undefined if it is not one. */
export function parseState(bytes: Buffer): UploadState | undefined {
  try {
    const state = JSON.parse(bytes.toString()) as Partial<UploadState>;
    const isState = typeof state.description === "string" && Array.isArray(state.segments);
    return isState ? (state as UploadState) : undefined;
  } catch {
    return undefined;
  }
}
