import type { Algorithm } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import type { FieldsInit } from "../../dispatcher/request-fields.ts";
import type { ProgressReport } from "../../transfer/progress.ts";
import type { RateLimit } from "../../transfer/rate-limit.ts";
import type { Hop } from "../../transfer/redirects.ts";
import type { OpenedSource } from "../source/opened-source.ts";
import type { UploadSigning } from "../signing.ts";
import type { Resumption } from "../resume/resumption.ts";

/** One upload to one URL: what every delivery mode needs. */
export interface Delivering {
  readonly hop: Hop;
  readonly source: OpenedSource;
  readonly method: "PUT" | "POST";
  readonly algorithms: readonly Algorithm[];
  /** The caller's fields. */
  readonly headers: FieldsInit | undefined;
  readonly dispatcher: Dispatcher;
  /**
   * Whether the dispatcher is that of this package, which has sent a piece before it asks for the next one, so that its
   * memory can be used again.
   */
  readonly ownDispatcher: boolean;
  readonly retries: number;
  readonly signal: AbortSignal | undefined;
  readonly progress: ProgressReport;
  readonly limit: RateLimit | undefined;
  /** How the request with the digests is signed, if it is. */
  readonly signing: UploadSigning | undefined;
  /** Where it is noted what another attempt can continue; undefined if nothing is to be continued. */
  readonly resumption: Resumption | undefined;
}
