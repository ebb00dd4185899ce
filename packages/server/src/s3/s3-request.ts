import { type Authenticated, type Payload, type S3Query } from "@trailsum/s3";

import type { UploadExchange } from "../upload-exchange.ts";

/** A request to the S3 front whose signature holds, or that has none and may be answered. */
export interface S3Request extends UploadExchange {
  readonly query: S3Query;
  /** Undefined for a request without a signature. */
  readonly signature: Authenticated | undefined;
  readonly payload: Payload;
}

/** A request for an object. */
export interface ObjectRequest extends S3Request {
  readonly bucket: string;
  readonly key: string;
  /** Where the object is in the store. */
  readonly path: string;
}

/** A request for a bucket. */
export interface BucketRequest extends S3Request {
  readonly bucket: string;
}
