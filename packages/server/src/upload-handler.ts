import { METHODS } from "node:http";
import { pipeline } from "node:stream/promises";

import {
  type Algorithm,
  algorithms as allAlgorithms,
  createDigester,
  type Digests,
  errorProblem,
  type FieldLine,
  formatDigestField,
  formatWantDigest,
  receiptMediaType,
  redactedTarget,
  TrailsumError,
  type Verdict,
  verdictProblem,
} from "@trailsum/shared";

import { headFault } from "./head-fault.ts";
import { refusingHeadVerdict } from "./head-verdict.ts";
import { superviseStream, stopBehindAnswer } from "./http2-stream.ts";
import {
  requestTimeout,
  abortResponse,
  endResponse,
  isGone,
  type NodeRequest,
  type NodeResponse,
} from "./node-message.ts";
import { parseObjectPath } from "./object-path.ts";
import { responseTurn } from "./pipelining.ts";
import {
  entityTag,
  evaluatePreconditions,
  lastModified,
  needsEntityTag,
  parsePreconditions,
  type Validators,
} from "./preconditions.ts";
import { sendProblem } from "./problem-response.ts";
import { answeredAlgorithms, createReceipt, prefersMinimal } from "./receipt.ts";
import { tooLarge } from "./request-body.ts";
import { type RequestHead, requestHead, wantedAlgorithms } from "./request-head.ts";
import { sendVerified } from "./send-verified.ts";
import type { CommitCondition, ObjectVersion, StagedObject, Store } from "./stores/store.ts";
import { refuseUnsupported } from "./unsupported-write.ts";
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
  const {
    store,
    algorithms = allAlgorithms,
    maxSize = Number.POSITIVE_INFINITY,
    logger,
    idleTimeout = 60_000,
  } = options;

  async function answer(exchange: Exchange): Promise<void> {
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

  async function answerByMethod(exchange: Exchange): Promise<void> {
    const { head, req, res } = exchange;
    const fault = headFault(req);
    if (fault !== undefined) throw fault;
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
      `uploads that take longer than ${limit / 1_000} s are broken off by node:http: set server.requestTimeout to 0`,
    );
  }

  async function receive(exchange: Exchange): Promise<void> {
    const { head, req } = exchange;
    warnOfRequestTimeout(req);
    const path = uploadPath(head);
    refuseUnsupported(head);
    refuseByHead(head);
    const refusing = refusingHeadVerdict(head, options);
    if (refusing !== undefined) return refuseContent(exchange, refusing);

    const condition = commitCondition(head);
    const staged = await store.stage(path, { size: head.size });
    try {
      if (condition !== undefined) await checkBeforeContent(path, condition);
      exchange.proceed();
      const verdict = await receiveContent(req, staged);
      if (!isAcceptable(verdict, options)) {
        // First: whoever is told of a refusal may look at once whether anything is left of it.
        await staged.discard();
        return refuseContent(exchange, verdict);
      }
      const { created } = await staged.commit(verdict.computed, condition);
      logger?.info(`stored ${JSON.stringify(path)}, ${verdict.computed.size} bytes, ${verdict.name}`);
      await acknowledge(exchange, { path, verdict, created });
    } finally {
      await staged.discard();
    }
  }

  /**
   * Answers an upload that was stored: with a receipt, or without content for a client that prefers that. `Repr-Digest`
   * covers what the answer encloses (RFC 9530 section 3.1, appendix B.8), and the stored object if it encloses nothing (B.7).
   */
  async function acknowledge({ head, res }: Exchange, { path, verdict, created }: StoredUpload): Promise<void> {
    const answered = answeredAlgorithms(head.header, verdict);
    // RFC 9110 sections 9.3.4 and 15.3.2: in these two the tag is that of what was stored.
    const tag = head.method === "PUT" || created ? entityTag(verdict.computed) : undefined;
    if (tag !== undefined) res.setHeader("ETag", tag);
    if (prefersMinimal(head.header)) {
      res.statusCode = 204;
      res.setHeader("Preference-Applied", "return=minimal");
      res.setHeader("Repr-Digest", formatDigestField(verdict.computed, answered));
      res.end();
      return;
    }
    const receipt = Buffer.from(`${JSON.stringify(createReceipt(path, verdict))}\n`);
    const digester = await createDigester(answered);
    digester.update(receipt);
    res.statusCode = created ? 201 : 200;
    res.setHeader("Content-Type", receiptMediaType);
    res.setHeader("Content-Length", receipt.length);
    res.setHeader("Repr-Digest", formatDigestField(digester.digest()));
    endResponse(res, receipt);
  }

  /** Checks the condition of a commit before the content is read; the commit checks it again. */
  async function checkBeforeContent(path: string, { needsDigest, check }: CommitCondition): Promise<void> {
    const current = await store.open(path, { digest: needsDigest });
    await current?.close();
    check(current);
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
    const { body, verdict } = verifyRequest(req, { ...options, record: ["sha-256"] });
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
    const preconditions = parsePreconditions(head.header);
    const digest = preconditions !== undefined && needsEntityTag(preconditions);
    const object = directory ? undefined : await store.open(path, { digest });
    if (object === undefined) throw new TrailsumError("NOT_FOUND", "nothing is stored under this path");
    const digests = object.digests && wantedDigests(object.digests, head);
    const validators = validatorsOf(object);
    const validatorFields: [string, string][] = [["Last-Modified", validators.lastModified.toUTCString()]];
    if (validators.entityTag !== undefined) validatorFields.push(["ETag", validators.entityTag]);
    const result = preconditions === undefined ? "perform" : evaluatePreconditions(preconditions, true, validators);
    if (result !== "perform") {
      await object.close();
      if (result === "failed") throw preconditionFailed();
      res.statusCode = 304;
      for (const [name, value] of validatorFields) res.setHeader(name, value);
      res.end();
      return;
    }
    const headers: [string, string][] = [
      // Whatever was uploaded is handed back as bytes, never as a page of this site.
      ["Content-Type", "application/octet-stream"],
      ["X-Content-Type-Options", "nosniff"],
      ...validatorFields,
    ];
    // Who takes nothing of it holds a file open, and some of its content in memory.
    if (idleTimeout > 0) res.setTimeout(idleTimeout, () => abortResponse(res));
    try {
      // Each response holds a few chunks while its client does not read, and on one connection there may be a hundred.
      const chunkSize = "stream" in req ? 64 * 1024 : undefined;
      const source = head.method === "HEAD" ? Buffer.alloc(0) : object.createReadStream({ chunkSize });
      await sendVerified(res, source, {
        headers,
        size: object.size,
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
    sendProblem(req, res, errorProblem(error), refusalFields(error, head));
  }

  return Object.assign((req: NodeRequest, res: NodeResponse) => answer(openExchange(req, res)), {
    checkContinue: (req: NodeRequest, res: NodeResponse) => answer(openExchange(req, res, () => res.writeContinue())),
  });
}

/** An upload that was stored. */
interface StoredUpload {
  readonly path: string;
  readonly verdict: Verdict;
  /** Whether nothing was stored under its path before. */
  readonly created: boolean;
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
    superviseStream(req.stream);
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

/** The preconditions of a write, as the store has to check them; undefined if there are none. */
function commitCondition({ header }: RequestHead): CommitCondition | undefined {
  const preconditions = parsePreconditions(header);
  if (preconditions === undefined) return undefined;
  return {
    needsDigest: needsEntityTag(preconditions),
    check(current) {
      const validators = current && validatorsOf(current);
      if (evaluatePreconditions(preconditions, false, validators) !== "perform") throw preconditionFailed();
    },
  };
}

function validatorsOf({ digests, modified }: ObjectVersion): Validators {
  return { entityTag: entityTag(digests), lastModified: lastModified(modified) };
}

function preconditionFailed(): TrailsumError {
  return new TrailsumError(
    "PRECONDITION_FAILED",
    "what is stored under this path is not what the request expects: look at it again before you change it",
  );
}

/**
 * Those of the known digests that the client wants (RFC 9530 section 4), all if it wants none of them. Each one that is
 * sent is computed again while the content leaves.
 */
function wantedDigests(known: Digests, { header }: RequestHead): Digests {
  const wanted = wantedAlgorithms(header).flatMap((algorithm): [Algorithm, Buffer][] => {
    const value = known.values.get(algorithm);
    return value === undefined ? [] : [[algorithm, value]];
  });
  return wanted.length > 0 ? { ...known, values: new Map(wanted) } : known;
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

/** The fields that say what would have been accepted, or when. */
function refusalFields({ code, status }: TrailsumError, { header }: RequestHead): FieldLine[] {
  if (code === "METHOD_NOT_ALLOWED") return [["Allow", ALLOW]];
  if (code === "UNAVAILABLE") return [["Retry-After", "1"]];
  // RFC 9110 section 12.5.3.
  return status === 415 && header.has("Content-Encoding") ? [["Accept-Encoding", "identity"]] : [];
}

function describe({ method, target }: RequestHead): string {
  return `${method} ${JSON.stringify(redactedTarget(target))}`;
}
