import { sameFieldName } from "@trailsum/shared";

import { type ContentSink, type MessageLimits, MessageReader } from "./message-reader.ts";
import { parseResponseHead, type ResponseHead } from "./response-head.ts";
import { SyntaxFault } from "./syntax-fault.ts";

/** Receives what a response consists of, in the order of the wire. */
export interface ResponseSink extends ContentSink {
  /** An interim response, 1xx except 101: another head follows. */
  onInterim(head: ResponseHead): void;
  /** The head of the final response. */
  onHead(head: ResponseHead): void;
  /** The connection has left HTTP; `rest` is what was already read after the head. */
  onSwitch(head: ResponseHead, rest: Buffer): void;
}

const PROTOCOL = "HTTP/1.";

/**
 * Reads responses strictly: everything that this reader accepts, Node's own parser accepts with the same result, and what is
 * ambiguous is a fault. A response is read only after `expect`; bytes that no request asked for are a fault. All its
 * methods throw a {@link SyntaxFault} for a malformed response; nothing is read after it.
 */
export class ResponseReader extends MessageReader<ResponseHead> {
  readonly #responses: ResponseSink;
  #method = "";
  #switches = false;
  #started = false;
  #end: "open" | "closed" | "cut" = "open";

  constructor(sink: ResponseSink, limits: MessageLimits) {
    super(sink, limits);
    this.#responses = sink;
  }

  /** Whether any byte of the expected response has been seen. */
  get started(): boolean {
    return this.#started;
  }

  /** Expects the response to a request: its method and whether it asked to switch protocols decide how it ends. */
  expect(method: string, switches: boolean): void {
    this.#started = false;
    this.#method = method;
    this.#switches = switches || method === "CONNECT";
    this.expectHead();
  }

  override read(bytes: Buffer): void {
    this.#started = true;
    super.read(bytes);
  }

  /**
   * The server has ended its side: with `clean`, by an end that no attacker can forge on a secured connection. What is
   * held back is read first. Throws unless a response may end there.
   */
  end(clean: boolean): void {
    this.#end = clean ? "closed" : "cut";
    this.run();
  }

  protected override parseHead(bytes: Buffer, start: number, end: number): ResponseHead {
    return parseResponseHead(bytes, start, end, { method: this.#method, maxFields: this.limits.maxFields });
  }

  protected override acceptHead(head: ResponseHead): void {
    // A client that asked for a tunnel gets the connection with any response, as in undici and node:http.
    if (head.status === 101 || (this.#method === "CONNECT" && head.status >= 200)) {
      if (!this.#switches) throw new SyntaxFault("an unsolicited upgrade", "UNSOLICITED");
      // RFC 9110 section 15.2.2: it has to name the protocol that is spoken from there on.
      if (head.status === 101 && !hasUpgrade(head.raw)) {
        throw new SyntaxFault("a 101 without an Upgrade field", "INVALID_HEADER_TOKEN");
      }
      this.expectNothing();
      this.#responses.onSwitch(head, Buffer.from(this.rest()));
    } else if (head.status < 200) {
      // No other head can follow one that ends the connection.
      if (!head.persistent) {
        throw new SyntaxFault("an interim response that closes the connection", "CLOSED_CONNECTION");
      }
      this.#responses.onInterim(head);
    } else {
      this.expectContent(head.framing);
      this.#responses.onHead(head);
    }
  }

  /** A server that speaks first in another protocol, as with SSH and SMTP, waits for an answer. */
  protected override checkBeginning(bytes: Buffer, start: number): void {
    const beginning = bytes.toString("latin1", start, start + PROTOCOL.length);
    if (!PROTOCOL.startsWith(beginning)) throw new SyntaxFault("not an HTTP/1.1 status line", "INVALID_STATUS");
  }

  protected override checkRest(): void {
    if (this.state === "complete" && this.hasUnread) {
      throw new SyntaxFault("unsolicited bytes", "UNSOLICITED");
    }
    if (this.#end === "open" || this.waiting || this.state === "complete" || this.state === "failed") return;
    if (this.state !== "until-close") throw new SyntaxFault("other side closed", "INCOMPLETE");
    if (this.#end === "cut") throw new SyntaxFault("other side closed without the close_notify of TLS", "INCOMPLETE");
    this.endMessage([]);
  }
}

function hasUpgrade(raw: readonly string[]): boolean {
  return raw.some((text, at) => at % 2 === 0 && sameFieldName(text, "upgrade") && raw[at + 1] !== "");
}
