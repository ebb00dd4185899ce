import { TrailsumError } from "@trailsum/shared";

/** S3's limit of the length of a key in bytes. */
const MAX_KEY = 1024;

/** Where a store keeps what in its bucket. */
export class StoreKeys {
  /** What all keys begin with: empty, or something that ends in "/". */
  readonly prefix: string;

  constructor(prefix: string) {
    const trimmed = prefix.replace(/^\/+|\/+$/g, "");
    this.prefix = trimmed === "" ? "" : `${trimmed}/`;
  }

  /** The key of an object. Throws `PATH_INVALID` for a path that is too long. */
  object(path: string): string {
    const key = `${this.prefix}${path}`;
    if (Buffer.byteLength(key) <= MAX_KEY) return key;
    throw new TrailsumError("PATH_INVALID", `the path is longer than the ${MAX_KEY} bytes that S3 allows: shorten it`);
  }

  /** What the keys of the store's own objects begin with. */
  get own(): string {
    return `${this.prefix}.trailsum/`;
  }

  /** The digests of one version of an object. */
  record(id: string): string {
    return `${this.records}${id}.json`;
  }

  get records(): string {
    return `${this.own}digests/`;
  }

  /** The marker of a multipart upload in use. */
  lease(name: string): string {
    return `${this.own}leases/${name}`;
  }

  get uploads(): string {
    return `${this.own}uploads/`;
  }

  /** What the keys of one upload begin with. */
  upload(id: string): string {
    return `${this.uploads}${id}/`;
  }
}
