import { METHODS } from "node:http";

import {
  algorithms as allAlgorithms,
  errorProblem,
  type FieldLine,
  formatWantDigest,
  timeLimit,
  TrailsumError,
  type Verdict,
  verdictProblem,
} from "@trailsum/shared";

import { acknowledgeUpload } from "./acknowledge-upload.ts";
import { deliverObject } from "./deliver-object.ts";
import { headFault } from "./head-fault.ts";
import { abortResponse, isGone, type NodeRequest, type NodeResponse, requestTimeout } from "./node-message.ts";
import { responseTurn } from "./pipelining.ts";
import { sendProblem } from "./problem-response.ts";
import { receiveUpload } from "./receive-upload.ts";
import type { RequestHead } from "./request-head.ts";
import type { Store } from "./stores/store.ts";
import { describe, openExchange, type UploadExchange } from "./upload-exchange.ts";
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

/** A request listener for node:http, for node:http2, and for every framework that hands on Node's own request and response. */
export interface UploadHandler {
  /** Answers a request. The promise settles when that is done, and never rejects. */
  (req: NodeRequest, res: NodeResponse): Promise<void>;
  /**
   * The same, to be registered for a server's `checkContinue` event: uploads that are refused by their head are refused
   * before `100 Continue` is sent, and so before their content is. Without it Node sends the 100 by itself.
   */
  readonly checkContinue: (req: NodeRequest, res: NodeResponse) => Promise<void>;
}

/** The methods that are answered, as `Allow` lists them. */
export const ALLOW = "GET, HEAD, PUT, POST, OPTIONS";

/**
 * Receives uploads into a store and gives them back. `PUT` and `POST` store under the request's path what verified;
 * `GET` and `HEAD` answer with it and its digests. All of them honour preconditions (RFC 9110 section 13) on the strong
 * entity tag, which is made from the sha-256 of the stored bytes, and on the date of the last modification.
 * Whatever is refused is answered with a problem document (RFC 9457).
 *
 * In a server of your own set `requestTimeout: 0`: `node:http` otherwise ends every request after 300 s, however fast its
 * content comes. `idleTimeout` bounds what a silent client costs. The handler warns its logger of such a server.
 */
export function createUploadHandler(options: UploadHandlerOptions): UploadHandler {
  const { store, algorithms = allAlgorithms, logger } = options;
  const idleTimeout = timeLimit("idleTimeout", options.idleTimeout, 60_000);

  async function answer(exchange: UploadExchange): Promise<void> {
    try {
      const turn = responseTurn(exchange.res);
      if (turn !== undefined) {
        await turn;
        if (isGone(exchange.res)) return;
      }
      await answerByMethod(exchange).catch((error: unknown) => refuse(exchange, TrailsumError.from(error)));
    } catch {
      // Not even the refusal could be given, because of a logger that throws, say.
      abortResponse(exchange.res);
    }
  }

  async function answerByMethod(exchange: UploadExchange): Promise<void> {
    const { head, req, res } = exchange;
    const fault = headFault(req);
    if (fault !== undefined) throw fault;
    switch (head.method) {
      case "PUT":
      case "POST":
        return receive(exchange);
      case "GET":
      case "HEAD":
        return deliverObject(exchange, { store, algorithms, idleTimeout });
      case "OPTIONS":
        res.statusCode = 204;
        res.setHeader("Allow", ALLOW);
        res.end();
        return;
      default:
        if (!METHODS.includes(head.method)) {
          const status = { status: 501 };
          throw new TrailsumError("METHOD_NOT_ALLOWED", `${head.method} is not a known method: use ${ALLOW}`, status);
        }
        throw new TrailsumError("METHOD_NOT_ALLOWED", `${head.method} is not answered here: use ${ALLOW}`);
    }
  }

  let warned = false;

  /** Says once that the server will cut uploads short that take long. */
  function warnOfRequestTimeout(req: NodeRequest): void {
    const limit = requestTimeout(req);
    if (limit === 0 || warned) return;
    warned = true;
    logger?.warn(
      `uploads that take longer than ${limit / 1_000} s are aborted by node:http: set server.requestTimeout to 0`,
    );
  }

  async function receive(exchange: UploadExchange): Promise<void> {
    warnOfRequestTimeout(exchange.req);
    const received = await receiveUpload(exchange, options);
    if ("refused" in received) return refuseContent(exchange, received.refused);
    const { path, verdict } = received;
    logger?.info(`stored ${JSON.stringify(path)}, ${verdict.computed.size} bytes, ${verdict.name}`);
    await acknowledgeUpload(exchange, received);
  }

  function refuseContent({ head, req, res }: UploadExchange, verdict: Verdict): void {
    const problem = verdictProblem(verdict);
    logger?.warn(`refused ${describe(head)}: ${verdict.name}, ${problem.detail}`);
    sendProblem(req, res, problem, [["Want-Repr-Digest", formatWantDigest(algorithms)]]);
  }

  function refuse({ head, req, res }: UploadExchange, error: TrailsumError): void {
    const lost = error.code === "CONNECTION_LOST" || error.code === "ABORTED";
    const status = lost ? undefined : error.status;
    const line = `${lost ? "broken off" : "refused"}: ${describe(head)}: ${error.code}, ${error.message}`;
    if (lost || (status !== undefined && status < 500)) logger?.warn(line);
    else logger?.error(line, error);
    // The client can no longer receive a response.
    if (lost) return abortResponse(res);
    sendProblem(req, res, errorProblem(error), refusalFields(error, head));
  }

  return Object.assign((req: NodeRequest, res: NodeResponse) => answer(openExchange(req, res)), {
    checkContinue: (req: NodeRequest, res: NodeResponse) => answer(openExchange(req, res, () => res.writeContinue())),
  });
}

/** The fields that say what would have been accepted, or when. */
function refusalFields({ code, status }: TrailsumError, { header }: RequestHead): FieldLine[] {
  if (code === "METHOD_NOT_ALLOWED") return [["Allow", ALLOW]];
  if (code === "UNAVAILABLE") return [["Retry-After", "1"]];
  // RFC 9110 section 12.5.3.
  return status === 415 && header.has("Content-Encoding") ? [["Accept-Encoding", "identity"]] : [];
}
