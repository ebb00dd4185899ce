import { headFault, type InboundExchange } from "@trailsum/http/inbound";
import {
  type S3Credentials,
  S3Error,
  S3Query,
  authenticate,
  decodeComponent,
  parsePayload,
  s3ErrorOf,
} from "@trailsum/s3";
import { deliveryMode, type FieldLine, TrailsumError } from "@trailsum/shared";

import { isHidden } from "../access/dotfiles.ts";
import { isWrite } from "../access/methods.ts";
import { CorruptVersions } from "../stores/corrupt-versions.ts";
import { type ExchangeHooks, ExchangeObserver } from "../exchange-hooks.ts";
import { objectPathOf } from "../stores/object-path.ts";
import { requestHead } from "../request/request-head.ts";
import { createQuotaStore } from "../stores/quota/quota-store.ts";
import type { Store } from "../stores/store.ts";
import { describe, type UploadExchange } from "../upload-exchange.ts";
import type { UploadLogger, UploadResource } from "../upload-resource.ts";
import type { UploadLimits } from "../uploads/upload-limits.ts";
import { MultipartUploads } from "./multipart/multipart-uploads.ts";
import type { ReceivingPolicy } from "./received-content.ts";
import { bucketOperation, objectOperation, serviceOperation } from "./route.ts";
import type { S3Context } from "./s3-context.ts";
import type { S3Request } from "./s3-request.ts";
import { sendError } from "./s3-response.ts";

/** What makes a resource of S3 out of a store. */
export interface S3AccessOptions {
  /** The keys that requests may be signed with. Each of them may do everything. */
  readonly credentials: readonly S3Credentials[];
  /**
   * Whether requests without a signature may read and list.
   * @default false
   */
  readonly anonymousRead?: boolean | undefined;
  /**
   * The region that buckets are said to be in. Requests may be signed for any.
   * @default "us-east-1"
   */
  readonly region?: string | undefined;
}

/** Options of {@link createS3Handler}. */
export interface S3HandlerOptions extends S3AccessOptions, ReceivingPolicy, UploadLimits, ExchangeHooks {
  /** Where objects are kept. Its directories at the top are the buckets. */
  readonly store: Store;
  /**
   * The most bytes in the store, as `quota` of {@link createUploadHandler}: what is over it is refused with `InsufficientStorage`.
   * @default no bound
   */
  readonly quota?: number | undefined;
  /** Logs what was stored, refused and aborted. `console` will do. Default: no log. */
  readonly logger?: UploadLogger | undefined;
  /**
   * Whether everything but reading is refused.
   * @default false
   */
  readonly readOnly?: boolean | undefined;
  /**
   * Whether reading and listing are refused.
   * @default false
   */
  readonly writeOnly?: boolean | undefined;
  /**
   * Whether names that begin with a dot are served, listed and stored.
   * @default false
   */
  readonly dotfiles?: boolean | undefined;
}

/** The resource that {@link createS3Handler} describes, for any exchange. */
export function createS3Resource(given: S3HandlerOptions): UploadResource {
  const { quota } = given;
  const options = quota === undefined ? given : { ...given, store: createQuotaStore(given.store, quota) };
  const { store, credentials, logger, region = "us-east-1" } = options;
  const { anonymousRead = false, dotfiles = false, readOnly = false, writeOnly = false } = options;
  if (credentials.length === 0 && !anonymousRead) {
    throw new TrailsumError("USAGE", "no credentials: every request would be refused");
  }
  const observer = new ExchangeObserver(options, logger);
  const context: S3Context = {
    store,
    uploads: new MultipartUploads(store.uploads, options),
    policy: options,
    region,
    dotfiles,
    corrupt: new CorruptVersions(),
    async reportStored(request, { verdict, created }) {
      const { path } = request;
      logger?.info(`stored ${JSON.stringify(path)}, ${verdict.computed.size} bytes, ${verdict.name}`);
      await observer.report("onStored", request, {
        path,
        requestVerdict: verdict,
        mode: deliveryMode(verdict),
        created,
      });
    },
    recordRefusal,
    async reportRemoved(request, path) {
      logger?.info(`removed ${JSON.stringify(path)}`);
      await observer.report("onRemoved", request, { path });
    },
  };

  /** The life of a request: its signature, what it may do, what it is about, and the operation. */
  async function answer(upload: UploadExchange): Promise<void> {
    const { request } = upload.exchange;
    const fault = headFault(request);
    if (fault !== undefined) throw fault;
    const query = new S3Query(request.target.query);
    const { method, header, host, target } = request;
    const signature = authenticate({ method, path: target.path, query, header, host }, credentials);
    checkAccess(method, query, signature !== undefined);
    const payload = parsePayload(signature?.payload ?? "UNSIGNED-PAYLOAD", header);
    const signed: S3Request = { ...upload, query, signature, payload };
    const [bucket = "", ...rest] = decodeComponent(target.path).slice(1).split("/");
    const key = rest.join("/");
    if (bucket === "") return serviceOperation(method, query)(signed, context);
    const { path } = objectPathOf([bucket, ...rest]);
    if (!dotfiles && isHidden(path)) throw new S3Error(isWrite(method) ? "AccessDenied" : "NoSuchKey");
    if (key === "") return bucketOperation(method, query)({ ...signed, bucket }, context);
    return objectOperation(upload.head, query)({ ...signed, bucket, key, path }, context);
  }

  function checkAccess(method: string, query: S3Query, isSigned: boolean): void {
    const reads = method === "GET" || method === "HEAD";
    const isListOfUploads = query.has("uploads") || query.has("uploadId");
    if (!isSigned && !(anonymousRead && reads && !isListOfUploads)) throw new S3Error("AccessDenied");
    if (reads ? writeOnly : readOnly) throw new S3Error("AccessDenied", "This server does not permit that.");
  }

  function refuse(upload: UploadExchange, error: TrailsumError): void {
    const answered = recordRefusal(upload, error);
    if (answered === undefined) upload.exchange.abort();
    else sendError(upload, answered, refusalFields(error));
  }

  function recordRefusal(upload: UploadExchange, error: TrailsumError): S3Error | undefined {
    const { head } = upload;
    void observer.report(isWrite(head.method) ? "onRefused" : undefined, upload, { error });
    const answered = s3ErrorOf(error);
    const line = `${answered === undefined ? "aborted" : "refused"}: ${describe(head)}`;
    if (answered === undefined) {
      logger?.warn(`${line}: ${error.code}, ${error.message}`);
      return undefined;
    }
    const status = answered.status ?? 500;
    if (status < 500) logger?.warn(`${line}: ${answered.s3Code}, ${error.message}`);
    else logger?.error(`${line}: ${answered.s3Code}, ${error.message}`, error);
    return answered;
  }

  return async (exchange: InboundExchange) => {
    const began = performance.now();
    const record = observer.begin(exchange);
    try {
      if (exchange.gone) return;
      const upload = {
        head: requestHead(exchange.request),
        exchange,
        client: exchange.request.remoteAddress,
        began,
        record,
      };
      await answer(upload).catch((error: unknown) => refuse(upload, TrailsumError.from(error)));
    } catch {
      // Not even the refusal could be given, because of a logger that throws, say.
      exchange.abort();
    } finally {
      exchange.conclude();
      await observer.end({ exchange, record, began });
    }
  };
}

function refusalFields({ code, retryAfter }: TrailsumError): FieldLine[] {
  return code === "UNAVAILABLE" ? [["Retry-After", String(Math.ceil((retryAfter ?? 1_000) / 1_000))]] : [];
}
