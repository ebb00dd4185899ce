import { type ContentSink, type MessageLimits, MessageReader } from "./message-reader.ts";
import { type FaultStatus, RequestFault } from "./request-fault.ts";
import { checkBeginning, parseRequestHead, type RequestHead } from "./request-head.ts";
import { SyntaxFault } from "./syntax-fault.ts";

/** Receives what a request consists of, in the order of the wire. */
export interface RequestSink extends ContentSink {
  /** The head of a request. Its content follows. */
  onHead(head: RequestHead): void;
}

const CR = 0x0d;
const LF = 0x0a;
/** Old clients sent one after their content, which is to be ignored (RFC 9112 section 2.2). */
const MAX_EMPTY_LINES = 4;

/**
 * Reads requests strictly: everything that this reader accepts, Node's own parser accepts with the same result, except for methods
 * that Node does not know; what is ambiguous is a fault. After a request it stops until `next`, and holds what has arrived.
 * All its methods throw a {@link RequestFault} for a malformed request; nothing is read after it.
 */
export class RequestReader extends MessageReader<RequestHead> {
  readonly #requests: RequestSink;
  #emptyLines = 0;
  #ended = false;

  constructor(sink: RequestSink, limits: MessageLimits) {
    super(sink, limits);
    this.#requests = sink;
    this.expectHead();
  }

  /** Whether a request has begun that is not complete: a connection that ends now cuts it short. */
  get started(): boolean {
    if (this.state === "head") return this.hasUnread;
    return this.state !== "complete" && this.state !== "failed";
  }

  /** Whether a request has been read completely, and `next` has not been called. */
  get complete(): boolean {
    return this.state === "complete";
  }

  /** Goes on to the next request, once one is complete. */
  next(): void {
    if (this.state !== "complete") return;
    this.#emptyLines = 0;
    this.expectHead();
    this.run();
  }

  /** The client has sent its last byte. What is held back is read first. Throws if a request is incomplete. */
  end(): void {
    this.#ended = true;
    this.run();
  }

  protected override parseHead(bytes: Buffer, start: number, end: number): RequestHead {
    return parseRequestHead(bytes, start, end, this.limits.maxFields);
  }

  protected override acceptHead(head: RequestHead): void {
    this.expectContent(head.framing);
    this.#requests.onHead(head);
  }

  protected override checkBeginning(bytes: Buffer, start: number): void {
    checkBeginning(bytes, start);
  }

  protected override checkRest(): void {
    if (this.#ended && this.started && !this.waiting) throw new RequestFault("the request was aborted", 400);
  }

  protected override skipEmptyLine(bytes: Buffer, start: number): number | undefined {
    if (bytes[start] !== CR) return start;
    if (start + 1 === bytes.length) return undefined;
    this.#emptyLines += 1;
    if (bytes[start + 1] !== LF || this.#emptyLines > MAX_EMPTY_LINES) {
      throw new RequestFault("empty lines, or a bare CR, in place of a request", 400);
    }
    return start + 2;
  }

  /** The fault that a request is refused for. An error of the sink is returned unchanged. */
  protected override faultOf(error: unknown): unknown {
    if (!(error instanceof SyntaxFault)) return error;
    return new RequestFault(error.message, this.#status(error), { cause: error });
  }

  #status({ fault }: SyntaxFault): FaultStatus {
    if (fault === "TOO_MANY_EXTENSIONS") return 413;
    if (fault !== "TOO_LARGE") return 400;
    if (this.state !== "head") return 431;
    const lineEnd = this.unread.indexOf(CR);
    return lineEnd === -1 || lineEnd > this.limits.maxHeaderSize ? 414 : 431;
  }
}
