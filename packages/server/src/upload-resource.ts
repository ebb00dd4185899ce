import { METHODS } from "node:http";

import { headFault, type InboundExchange } from "@trailsum/http/inbound";
import {
  algorithms as allAlgorithms,
  errorProblem,
  type FieldLine,
  formatWantDigest,
  TrailsumError,
  type Verdict,
  verdictProblem,
} from "@trailsum/shared";

import { acknowledgeUpload } from "./acknowledge-upload.ts";
import { deliverObject } from "./deliver-object.ts";
import { sendProblem } from "./problem-response.ts";
import { receiveUpload } from "./receive-upload.ts";
import { type RequestHead, requestHead } from "./request-head.ts";
import type { Store } from "./stores/store.ts";
import { describe, sendShort, type UploadExchange } from "./upload-exchange.ts";
import type { VerificationPolicy } from "./verify-request.ts";

/** Options of {@link createUploadHandler}. */
export interface UploadHandlerOptions extends VerificationPolicy {
  /** Where objects are kept. */
  readonly store: Store;
  /** Logs what was stored, refused and aborted. `console` will do. Default: no log. */
  readonly logger?: UploadLogger | undefined;
  /**
   * How long to wait for the next byte of content, or for a client to take more of a response, in milliseconds. Default
   * 60 000; 0 waits for ever.
   */
  readonly idleTimeout?: number | undefined;
}

/** The log of a handler. Messages are one line; what clients sent is quoted. */
export interface UploadLogger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string, cause?: unknown): void;
}

/** The methods that are answered, as `Allow` lists them. */
const ALLOW = "GET, HEAD, PUT, POST, OPTIONS";

/** Answers one exchange. The promise settles when that is done, and never rejects. */
export type UploadResource = (exchange: InboundExchange) => Promise<void>;

/** The upload resource that {@link createUploadHandler} describes, for any exchange. */
export function createUploadResource(options: UploadHandlerOptions): UploadResource {
  const { store, algorithms = allAlgorithms, logger } = options;

  async function answerByMethod(upload: UploadExchange): Promise<void> {
    const { head, exchange } = upload;
    const { request } = exchange;
    const fault = headFault(request);
    if (fault !== undefined) throw fault;
    if (request.httpVersion === "2.0" && request.upgrade !== undefined) throw notAllowed("CONNECT");
    switch (head.method) {
      case "PUT":
      case "POST":
        return receive(upload);
      case "GET":
      case "HEAD":
        return deliverObject(upload, { store, algorithms });
      case "OPTIONS":
        return sendShort(exchange, { status: 204, header: [["Allow", ALLOW]] });
      default:
        throw notAllowed(head.method);
    }
  }

  async function receive(upload: UploadExchange): Promise<void> {
    const received = await receiveUpload(upload, options);
    if ("refused" in received) return refuseContent(upload, received.refused);
    const { path, verdict } = received;
    logger?.info(`stored ${JSON.stringify(path)}, ${verdict.computed.size} bytes, ${verdict.name}`);
    await acknowledgeUpload(upload, received);
  }

  function refuseContent({ head, exchange }: UploadExchange, verdict: Verdict): void {
    const problem = verdictProblem(verdict);
    logger?.warn(`refused ${describe(head)}: ${verdict.name}, ${problem.detail}`);
    sendProblem(exchange, problem, [["Want-Repr-Digest", formatWantDigest(algorithms)]]);
  }

  function refuse({ head, exchange }: UploadExchange, error: TrailsumError): void {
    const lost = error.code === "CONNECTION_LOST" || error.code === "ABORTED";
    const status = lost ? undefined : error.status;
    const line = `${lost ? "broken off" : "refused"}: ${describe(head)}: ${error.code}, ${error.message}`;
    if (lost || (status !== undefined && status < 500)) logger?.warn(line);
    else logger?.error(line, error);
    // The client can no longer receive a response.
    if (lost) return exchange.breakOff();
    sendProblem(exchange, errorProblem(error), refusalFields(error, head));
  }

  return async (exchange) => {
    try {
      if (exchange.gone) return;
      const upload = { head: requestHead(exchange.request), exchange };
      await answerByMethod(upload).catch((error: unknown) => refuse(upload, TrailsumError.from(error)));
    } catch {
      // Not even the refusal could be given, because of a logger that throws, say.
      exchange.breakOff();
    } finally {
      exchange.conclude();
    }
  };
}

function notAllowed(method: string): TrailsumError {
  if (METHODS.includes(method)) {
    return new TrailsumError("METHOD_NOT_ALLOWED", `${method} is not answered here: use ${ALLOW}`);
  }
  return new TrailsumError("METHOD_NOT_ALLOWED", `${method} is not a known method: use ${ALLOW}`, { status: 501 });
}

/** The fields that say what would have been accepted, or when. */
function refusalFields({ code, status }: TrailsumError, { header }: RequestHead): FieldLine[] {
  if (code === "METHOD_NOT_ALLOWED") return [["Allow", ALLOW]];
  if (code === "UNAVAILABLE") return [["Retry-After", "1"]];
  // RFC 9110 section 12.5.3.
  return status === 415 && header.has("Content-Encoding") ? [["Accept-Encoding", "*, aws-chunked;q=0"]] : [];
}
