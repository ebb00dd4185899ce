import { headFault, type InboundExchange } from "@trailsum/http/inbound";
import {
  algorithms as allAlgorithms,
  deliveryMode,
  type DeliveryMode,
  errorProblem,
  type FieldLine,
  formatWantDigest,
  type SignatureKey,
  TrailsumError,
  type Verdict,
  verdictError,
  verdictProblem,
} from "@trailsum/shared";

import { accessRefusal, type Authorize } from "./access/authorize.ts";
import { clientAddress, type TrustForwarded } from "./access/client-address.ts";
import { type AllowedOrigins, CrossOriginPolicy } from "./access/cors.ts";
import { refuseCrossOrigin } from "./access/cross-origin.ts";
import { forwardedPrefix } from "./access/forwarded-prefix.ts";
import { refuseDotfile } from "./access/dotfiles.ts";
import { allowedMethods, isWrite, notAllowed } from "./access/methods.ts";
import { acknowledgeUpload } from "./response/acknowledge-upload.ts";
import { CorruptVersions } from "./stores/corrupt-versions.ts";
import { deliverObject } from "./response/deliver-object.ts";
import { type ExchangeHooks, ExchangeObserver } from "./exchange-hooks.ts";
import { deliverListing, redirectToDirectory } from "./listing/deliver-listing.ts";
import { parseObjectPath } from "./stores/object-path.ts";
import { answerProbe, isProbe, isProbing, probeLink } from "./probe.ts";
import { sendProblem } from "./response/problem-response.ts";
import { receiveUpload, type StoredUpload } from "./receive-upload.ts";
import { removeObject } from "./remove-object.ts";
import { type RequestHead, requestHead } from "./request/request-head.ts";
import { createQuotaStore } from "./stores/quota/quota-store.ts";
import type { Store } from "./stores/store.ts";
import { describe, sendShort, type UploadExchange } from "./upload-exchange.ts";
import type { Acknowledgement, UploadContext } from "./uploads/upload-context.ts";
import { uploadOptions } from "./uploads/upload-fields.ts";
import type { UploadLimits } from "./uploads/upload-limits.ts";
import { uploadIdIn } from "./uploads/upload-location.ts";
import { keepStaged, keptFields, uploadAnswer } from "./uploads/upload-requests.ts";
import { Uploads } from "./uploads/uploads.ts";
import type { VerificationPolicy } from "./verify-request.ts";

/** Options of {@link createUploadHandler}. */
export interface UploadHandlerOptions extends VerificationPolicy, UploadLimits, ExchangeHooks {
  /** Where objects are kept. */
  readonly store: Store;
  /**
   * The most bytes in the store, with what is being received and kept of uploads that are not complete. What is over it is
   * refused with 507, before its content is read where its size is known. What is there is counted at the start and once a
   * minute, because other processes may use the store.
   * @default no bound
   */
  readonly quota?: number | undefined;
  /**
   * The key that receipts are signed with (RFC 9421): status, content type and `Content-Digest` of each response that has one.
   * @default receipts are not signed
   */
  readonly receiptKey?: SignatureKey | undefined;
  /** Logs what was stored, refused and aborted. `console` will do. Default: no log. */
  readonly logger?: UploadLogger | undefined;
  /**
   * How long to wait for the next byte of content, or for a client to take more of a response, in milliseconds. Default
   * 60 000; 0 waits for ever.
   */
  readonly idleTimeout?: number | undefined;
  /**
   * Decides whether a request is answered: `basicAuthorization`, `bearerAuthorization`, or a function of your
   * own. It is called before the store is asked anything and before content is read.
   * @default every request is answered
   */
  readonly authorize?: Authorize | undefined;
  /**
   * Whether everything but reading is refused with 405.
   * @default false
   */
  readonly readOnly?: boolean | undefined;
  /**
   * Whether reading is refused with 405.
   * @default false
   */
  readonly writeOnly?: boolean | undefined;
  /**
   * Whether names that begin with a dot are served and stored. Otherwise reading them is answered 404, and writing them
   * or below them 403.
   * @default false
   */
  readonly dotfiles?: boolean | undefined;
  /**
   * Whether the peer's `X-Forwarded-For` or `Forwarded` field is believed, or of which hops: the address in it is then that
   * of the client, by which limits of uploads and password checks count. What the peer's `X-Forwarded-Prefix` field states
   * was cut off the path: the `Location` of an upload resource begins with it. Only behind a proxy that sets or removes them.
   * @default false
   */
  readonly trustForwarded?: TrustForwarded | undefined;
  /**
   * The origins whose pages may use the resource from a browser (CORS), such as `https://app.example`; `*` for every one.
   * @default none
   */
  readonly cors?: AllowedOrigins | undefined;
  /**
   * Whether GET of a directory lists it: as a page, or as JSON for `Accept: application/json`. A path that ends in `/` is
   * a directory, and one without is redirected there. Otherwise it is answered 404.
   * @default false
   */
  readonly listing?: boolean | undefined;
}

/** The log of a handler. Messages are one line; what clients sent is quoted. */
export interface UploadLogger {
  /** Reports what happened as it should: an upload that was stored. */
  info(message: string): void;
  /** Reports a request that was refused or aborted. */
  warn(message: string): void;
  /** Reports a failure of the server itself, with its cause. */
  error(message: string, cause?: unknown): void;
}

/** Answers one exchange. The promise settles when that is done, and never rejects. */
export type UploadResource = (exchange: InboundExchange) => Promise<void>;

/** The upload resource that {@link createUploadHandler} describes, for any exchange. */
export function createUploadResource(given: UploadHandlerOptions): UploadResource {
  const { quota } = given;
  const options = quota === undefined ? given : { ...given, store: createQuotaStore(given.store, quota) };
  const { store, algorithms = allAlgorithms, logger, authorize } = options;
  const { allowUnverified = false, dotfiles = false, listing = false, readOnly = false } = options;
  const methods = allowedMethods(options);
  const uploads = new Uploads(options);
  const context: UploadContext = {
    uploads,
    store,
    policy: options,
    async checkAccess({ head, exchange, client }, method, target) {
      const refusal =
        authorize && (await accessRefusal(authorize, { ...head, method, target }, exchange.request, client));
      if (refusal !== undefined) throw refusal.error;
      if (!dotfiles) refuseDotfile({ ...head, method, target });
    },
    reportStored,
    acknowledge,
    refuse,
    refuseContent,
  };
  const observer = new ExchangeObserver(options, logger);
  const corrupt = new CorruptVersions();
  const crossOrigin = new CrossOriginPolicy(options.cors);

  async function answerByMethod(upload: UploadExchange): Promise<void> {
    const { head, exchange } = upload;
    const { request } = exchange;
    const fault = headFault(request);
    if (fault !== undefined) throw fault;
    crossOrigin.expose(exchange);
    const preflight = crossOrigin.preflightFields(request, [...methods, ...(readOnly ? [] : ["PATCH"])]);
    if (preflight !== undefined) return sendShort(exchange, { status: 204, header: preflight });
    const refusal = authorize && (await accessRefusal(authorize, head, request, upload.client));
    if (refusal !== undefined) return refuse(upload, refusal.error, refusal.fields);
    if (request.httpVersion === "2.0" && request.upgrade !== undefined) throw notAllowed("CONNECT", methods);
    if (!readOnly && isProbe(head)) return answerProbe(upload, options);
    if (!dotfiles && uploadIdIn(head.target) === undefined) refuseDotfile(head);
    const answered = readOnly ? undefined : uploadAnswer(upload, context);
    if (answered !== undefined) return answered;
    if (!methods.includes(head.method)) throw notAllowed(head.method, methods);
    switch (head.method) {
      case "PUT":
      case "POST":
        // With a digest it cannot be a request that browsers send for any page.
        if (allowUnverified && !crossOrigin.allows(request)) refuseCrossOrigin(request);
        return receive(upload);
      case "GET":
      case "HEAD":
        return deliver(upload);
      case "DELETE":
        return remove(upload);
      case "OPTIONS":
        return describeResource(upload);
      default:
        throw notAllowed(head.method, methods);
    }
  }

  async function deliver(upload: UploadExchange): Promise<void> {
    const { path, directory } = parseObjectPath(upload.head.target);
    if (listing && directory) return deliverListing(upload, { store, dotfiles, readOnly });
    await deliverObject(upload, { store, algorithms, corrupt }).catch(async (error: unknown) => {
      const absent = error instanceof TrailsumError && error.code === "NOT_FOUND";
      if (!listing || !absent || (await store.list(path)) === undefined) throw error;
      redirectToDirectory(upload);
    });
  }

  async function receive(upload: UploadExchange): Promise<void> {
    const received = await receiveUpload(upload, { ...options, keep: (...staged) => keepStaged(uploads, ...staged) });
    if ("refused" in received) return refuseContent(upload, received.refused, keptFields(upload, received, context));
    await acknowledge(upload, received);
  }

  async function remove(upload: UploadExchange): Promise<void> {
    const path = await removeObject(upload, store);
    logger?.info(`removed ${JSON.stringify(path)}`);
    await observer.report("onRemoved", upload, { path });
    sendShort(upload.exchange, { status: 204, header: [] });
  }

  function describeResource(upload: UploadExchange): void | Promise<void> {
    const { head, exchange } = upload;
    const header: FieldLine[] = [
      ["Allow", methods.join(", ")],
      ["Accept-Ranges", "bytes"],
    ];
    if (!readOnly) {
      header.push(["Want-Repr-Digest", formatWantDigest(algorithms)], ...probeLink(head));
      header.push(...uploadOptions(uploads, options));
      if (isProbing(head)) return answerProbe(upload, { ...options, fields: header });
    }
    sendShort(exchange, { status: 204, header });
  }

  async function acknowledge(upload: UploadExchange, stored: StoredUpload, how?: Acknowledgement): Promise<void> {
    await reportStored(upload, stored, how?.mode);
    await acknowledgeUpload(upload, stored, { key: options.receiptKey, ...how });
  }

  async function reportStored(
    upload: UploadExchange,
    { path, verdict, created }: StoredUpload,
    mode: DeliveryMode | undefined = deliveryMode(verdict),
  ): Promise<void> {
    logger?.info(`stored ${JSON.stringify(path)}, ${verdict.computed.size} bytes, ${verdict.name}`);
    await observer.report("onStored", upload, { path, requestVerdict: verdict, mode, created });
  }

  function refuseContent(
    upload: UploadExchange,
    verdict: Verdict,
    fields: readonly FieldLine[],
    status?: number,
  ): void {
    const mode = deliveryMode(verdict);
    void observer.report("onRefused", upload, { requestVerdict: verdict, mode, error: verdictError(verdict) });
    const problem = verdictProblem(verdict);
    logger?.warn(`refused ${describe(upload.head)}: ${verdict.name}, ${problem.detail}`);
    const header: FieldLine[] = [...fields, ["Want-Repr-Digest", formatWantDigest(algorithms)]];
    sendProblem(upload.exchange, { ...problem, status: status ?? problem.status }, header);
  }

  function refuse(upload: UploadExchange, error: TrailsumError, fields: readonly FieldLine[] = []): void {
    const { head, exchange } = upload;
    void observer.report(isWrite(head.method) ? "onRefused" : undefined, upload, { error });
    const lost = error.code === "CONNECTION_LOST" || error.code === "ABORTED";
    const status = lost ? undefined : error.status;
    const line = `${lost ? "aborted" : "refused"}: ${describe(head)}: ${error.code}, ${error.message}`;
    if (lost || (status !== undefined && status < 500)) logger?.warn(line);
    else logger?.error(line, error);
    // The client can no longer receive a response.
    if (lost) return exchange.abort();
    const usual = refusalFields(error, head, methods).filter(([name]) => !fields.some(([other]) => other === name));
    sendProblem(exchange, errorProblem(error), [...fields, ...usual]);
  }

  return async (exchange) => {
    const began = performance.now();
    const record = observer.begin(exchange);
    try {
      if (exchange.gone) return;
      const { request } = exchange;
      const client = clientAddress(request, options.trustForwarded);
      const head = requestHead(request, forwardedPrefix(request, options.trustForwarded));
      const upload = { head, exchange, client, began, record };
      await answerByMethod(upload).catch((error: unknown) => refuse(upload, TrailsumError.from(error)));
    } catch {
      // Not even the refusal could be given, because of a logger that throws, say.
      exchange.abort();
    } finally {
      exchange.conclude();
      await observer.end({ exchange, record, began });
    }
  };
}

/** The fields that say what would have been accepted, or when. */
function refusalFields(
  { code, status, retryAfter }: TrailsumError,
  { header }: RequestHead,
  methods: readonly string[],
): FieldLine[] {
  if (code === "METHOD_NOT_ALLOWED") return [["Allow", methods.join(", ")]];
  if (code === "UNAVAILABLE" || retryAfter !== undefined) {
    return [["Retry-After", String(Math.ceil((retryAfter ?? 1_000) / 1_000))]];
  }
  // RFC 9110 section 12.5.3.
  return status === 415 && header.has("Content-Encoding") ? [["Accept-Encoding", "*, aws-chunked;q=0"]] : [];
}
