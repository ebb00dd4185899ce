import { pipeline } from "node:stream/promises";

import {
  type Algorithm,
  algorithms as allAlgorithms,
  type Digests,
  errorProblem,
  formatDigestField,
  formatWantDigest,
  TrailsumError,
  type Verdict,
  verdictProblem,
} from "@trailsum/shared";

import { refusingHeadVerdict } from "./head-verdict.ts";
import { destroyWhenReset, stopBehindAnswer } from "./http2-stream.ts";
import { abortResponse, endResponse, type NodeRequest, type NodeResponse } from "./node-message.ts";
import { parseObjectPath } from "./object-path.ts";
import { sendProblem } from "./problem-response.ts";
import { answeredAlgorithms, createReceipt } from "./receipt.ts";
import { tooLarge } from "./request-body.ts";
import { type RequestHead, requestHead, wantedAlgorithms } from "./request-head.ts";
import { sendVerified } from "./send-verified.ts";
import type { StagedObject, Store } from "./stores/store.ts";
import { isAcceptable, type VerificationPolicy, verifyRequest } from "./verify-request.ts";

/** Options of {@link createUploadHandler}. */
export interface UploadHandlerOptions extends VerificationPolicy {
  /** Where objects are kept. */
  readonly store: Store;
  /** Told what was stored, refused and broken off. `console` will do. Default: nobody. */
  readonly logger?: UploadLogger | undefined;
  /**
   * How long to wait for the next byte of content, or for a client to take more of a response, in milliseconds. Default
   * 60 000; 0 waits for ever.
   */
  readonly idleTimeout?: number | undefined;
}

/** Where a handler tells what it did. Messages are one line; what strangers sent is quoted. */
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

const ALLOW = "GET, HEAD, PUT, POST, OPTIONS";

/**
 * Receives uploads into a store and gives them back. `PUT` and `POST` store under the request's path what verified;
 * `GET` and `HEAD` answer with it and its digests. Whatever is refused is answered with a problem document (RFC 9457).
 */
export function createUploadHandler(options: UploadHandlerOptions): UploadHandler {
  const {
    store,
    algorithms = allAlgorithms,
    maxSize = Number.POSITIVE_INFINITY,
    logger,
    idleTimeout = 60_000,
  } = options;

  async function answer(exchange: Exchange): Promise<void> {
    try {
      await answerByMethod(exchange).catch((error: unknown) => refuse(exchange, TrailsumError.from(error)));
    } catch {
      // Not even the refusal could be given, because of a logger that throws, say.
      abortResponse(exchange.res);
    }
  }

  async function answerByMethod(exchange: Exchange): Promise<void> {
    const { head, res } = exchange;
    switch (head.method) {
      case "PUT":
      case "POST":
        return receive(exchange);
      case "GET":
      case "HEAD":
        return deliver(exchange);
      case "OPTIONS":
        res.statusCode = 204;
        res.setHeader("Allow", ALLOW);
        res.end();
        return;
      default:
        throw new TrailsumError("METHOD_NOT_ALLOWED", `${head.method} is not answered here: use ${ALLOW}`);
    }
  }

  async function receive(exchange: Exchange): Promise<void> {
    const { head, req, res } = exchange;
    const path = uploadPath(head);
    refuseByHead(head);
    const refusing = refusingHeadVerdict(head, options);
    if (refusing !== undefined) return refuseContent(exchange, refusing);

    const staged = await store.stage(path, { size: head.size });
    try {
      exchange.proceed();
      const verdict = await receiveContent(req, staged);
      if (!isAcceptable(verdict, options)) {
        // First: whoever is told of a refusal may look at once whether anything is left of it.
        await staged.discard();
        return refuseContent(exchange, verdict);
      }
      const { created } = await staged.commit(verdict.computed);
      logger?.info(`stored ${JSON.stringify(path)}, ${verdict.computed.size} bytes, ${verdict.name}`);
      const receipt = Buffer.from(`${JSON.stringify(createReceipt(path, verdict))}\n`);
      const digests = formatDigestField(verdict.computed, answeredAlgorithms(head.header, verdict));
      res.statusCode = created ? 201 : 200;
      res.setHeader("Content-Type", "application/json");
      res.setHeader("Content-Length", receipt.length);
      if (digests !== "") res.setHeader("Repr-Digest", digests);
      endResponse(res, receipt);
    } finally {
      await staged.discard();
    }
  }

  /** Refuses what need not be read to be refused. */
  function refuseByHead({ header, size }: RequestHead): void {
    const unknown = header.list("Expect").find((member) => member.toLowerCase() !== "100-continue");
    if (unknown !== undefined) {
      throw new TrailsumError(
        "EXPECTATION_FAILED",
        `${JSON.stringify(unknown)} cannot be met: expect only 100-continue`,
      );
    }
    // RFC 9110 section 14.5: storing a part as if it were the whole would corrupt what is there.
    if (header.has("Content-Range")) {
      throw new TrailsumError("CONTENT_RANGE", "send the whole content, without Content-Range");
    }
    if (size !== undefined && size > maxSize) throw tooLarge(maxSize);
  }

  /** Reads the content into the stage. Gives its verdict, good or bad; rejects if it did not arrive whole or cannot be kept. */
  async function receiveContent(req: NodeRequest, staged: StagedObject): Promise<Verdict> {
    const { body, verdict } = verifyRequest(req, options);
    try {
      await pipeline(body, staged.content);
    } catch (error) {
      // A bad verdict is an error of the body, too. Anything else happened before there was one, or in the store.
      const reached = await verdict.catch(() => undefined);
      if (reached === undefined || isAcceptable(reached, options)) throw error;
    }
    return verdict;
  }

  function refuseContent({ head, req, res }: Exchange, verdict: Verdict): void {
    const problem = verdictProblem(verdict);
    logger?.warn(`refused ${describe(head)}: ${verdict.name}, ${problem.detail}`);
    sendProblem(req, res, problem, [["Want-Repr-Digest", formatWantDigest(algorithms)]]);
  }

  async function deliver({ head, req, res }: Exchange): Promise<void> {
    const { path, directory } = parseObjectPath(head.target);
    const object = directory ? undefined : await store.open(path);
    if (object === undefined) throw new TrailsumError("NOT_FOUND", "nothing is stored under this path");
    const { size, digests, modified } = object;
    const headers: [string, string][] = [
      // Whatever was uploaded is handed back as bytes, never as a page of this site.
      ["Content-Type", "application/octet-stream"],
      ["X-Content-Type-Options", "nosniff"],
      ["Last-Modified", modified.toUTCString()],
    ];
    // Who takes nothing of it holds a file open, and some of its content in memory.
    if (idleTimeout > 0) res.setTimeout(idleTimeout, () => abortResponse(res));
    try {
      // Each response holds a few chunks while its client does not read, and on one connection there may be a hundred.
      const chunkSize = "stream" in req ? 64 * 1024 : undefined;
      const source = head.method === "HEAD" ? Buffer.alloc(0) : object.createReadStream({ chunkSize });
      await sendVerified(res, source, {
        headers,
        size,
        digests,
        algorithms: deliveredAlgorithms(head, digests, algorithms),
      });
    } finally {
      await object.close();
    }
  }

  function refuse({ head, req, res }: Exchange, error: TrailsumError): void {
    const lost = error.code === "CONNECTION_LOST" || error.code === "ABORTED";
    const status = lost ? undefined : error.status;
    const line = `${lost ? "broken off" : "refused"}: ${describe(head)}: ${error.code}, ${error.message}`;
    if (lost || (status !== undefined && status < 500)) logger?.warn(line);
    else logger?.error(line, error);
    // There is nobody left to answer.
    if (lost) return abortResponse(res);
    sendProblem(req, res, errorProblem(error), error.code === "METHOD_NOT_ALLOWED" ? [["Allow", ALLOW]] : []);
  }

  return Object.assign((req: NodeRequest, res: NodeResponse) => answer(openExchange(req, res)), {
    checkContinue: (req: NodeRequest, res: NodeResponse) => answer(openExchange(req, res, () => res.writeContinue())),
  });
}

/** One request, its response, and what lets the content come. */
interface Exchange {
  readonly head: RequestHead;
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  /** Tells a sender that waits for it to go on. */
  proceed(): void;
}

function openExchange(req: NodeRequest, res: NodeResponse, proceed: () => void = () => {}): Exchange {
  const head = requestHead(req);
  // What goes wrong with the connection shows where it is read or written; it must not bring the process down.
  req.on("error", () => {});
  res.on("error", () => {});
  if ("stream" in req) {
    destroyWhenReset(req.stream);
    stopBehindAnswer(req);
  }
  return { head, req, res, proceed: () => head.expectsContinue && proceed() };
}

function uploadPath({ target }: RequestHead): string {
  const { path, directory } = parseObjectPath(target);
  if (!directory) return path;
  throw new TrailsumError(
    "PATH_INVALID",
    'a path that ends in "/" is a directory: add the name of the object to store',
  );
}

/** What to compute for the trailers of a download: what is known beforehand, and what the client asks for. */
function deliveredAlgorithms(
  { header }: RequestHead,
  digests: Digests | undefined,
  supported: readonly Algorithm[],
): Algorithm[] {
  const known = digests === undefined ? [] : [...digests.values.keys()];
  const chosen = [...known, ...wantedAlgorithms(header).filter((algorithm) => supported.includes(algorithm))];
  return chosen.length > 0 ? [...new Set(chosen)] : supported.slice(0, 1);
}

function describe({ method, target }: RequestHead): string {
  return `${method} ${JSON.stringify(target)}`;
}
