import type { FieldLine, TrailsumError, Verdict } from "@trailsum/shared";

import type { StoredUpload } from "../receive-upload.ts";
import type { Store } from "../stores/store.ts";
import type { UploadExchange } from "../upload-exchange.ts";
import type { VerificationPolicy } from "../verify-request.ts";
import type { Uploads } from "./uploads.ts";

/** What the protocols of upload resources use of the resource that they are a part of. */
export interface UploadContext {
  readonly uploads: Uploads;
  readonly store: Store;
  readonly policy: VerificationPolicy;
  /** Checks whether the client may write to a target, and whether its name may be used. Throws if not. */
  readonly checkAccess: (upload: UploadExchange, method: string, target: string) => Promise<void>;
  /** Logs an object that was stored, and calls the hook for it. */
  readonly reportStored: (upload: UploadExchange, stored: StoredUpload) => Promise<void>;
  /** The same, and answers with its receipt and these fields. */
  readonly acknowledge: (upload: UploadExchange, stored: StoredUpload, answer: Acknowledgement) => Promise<void>;
  /** Logs a refusal, and answers with a problem document and these fields. */
  readonly refuse: (upload: UploadExchange, error: TrailsumError, fields: readonly FieldLine[]) => void;
  /** The same for content that its verdict refuses. */
  readonly refuseContent: (
    upload: UploadExchange,
    verdict: Verdict,
    fields: readonly FieldLine[],
    status?: number,
  ) => void;
}

/** How an upload is acknowledged. */
export interface Acknowledgement {
  /** The method of the request that created the upload. */
  readonly method: string;
  /** How the digests came, where the verdict does not say it. */
  readonly mode?: "two-step" | undefined;
  /** Fields beside those of every receipt. */
  readonly fields: readonly FieldLine[];
}
