import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

import { FieldLines, TrailsumError } from "@trailsum/shared";

import type { ContentSink } from "../inbound-content.ts";
import type { OutgoingHead } from "../inbound-exchange.ts";
import { clientAddress } from "../inbound-request.ts";
import { unreadLimits } from "../unread-limits.ts";
import { withFieldsSetBefore } from "./fields-set-before.ts";
import { NodeHttp2StreamExchange } from "./node-http2-stream-exchange.ts";
import { alreadyRead, routedTarget } from "./node-message.ts";
import { superviseStream } from "./supervised-stream.ts";
import type { ContentStart } from "./undecided-content.ts";

/** How a request came through a server of node:http2. */
export interface NodeHttp2ExchangeOptions {
  /** Whether the client waits for a 100, which Node has not sent. */
  readonly waits: boolean;
  /** Whether the target is that of the client, unchanged by a router. */
  readonly original: boolean;
  readonly start: ContentStart;
}

/**
 * An exchange of HTTP/2 through a server of Node's: node:http2 and its compatibility API. Its objects lose trailers and
 * cannot reset a stream, so the exchange goes by the stream beneath them, and takes from them what middleware has done:
 * the URL, and the fields set on the response.
 */
export class NodeHttp2Exchange extends NodeHttp2StreamExchange {
  readonly #req: Http2ServerRequest;
  readonly #res: Http2ServerResponse;

  constructor(req: Http2ServerRequest, res: Http2ServerResponse, { waits, original, start }: NodeHttp2ExchangeOptions) {
    const { stream } = req;
    superviseStream(stream);
    super(stream, {
      raw: req.rawHeaders,
      whole: start.whole,
      // Middleware may have taken its time: Node has kept what came.
      trailers: start.trailers.length > 0 ? start.trailers : FieldLines.fromRaw(req.rawTrailers),
      client: {
        remoteAddress: clientAddress(req.socket.remoteAddress),
        protocol: stream.session?.socket instanceof TLSSocket ? "https" : "http",
      },
      mounted: { ...routedTarget(req, original), waits, message: req },
    });
    this.#req = req;
    this.#res = res;
    // The response object would send its own, empty trailers, and a second call throws.
    stream.removeAllListeners("wantTrailers");
  }

  override head(head: OutgoingHead): void {
    // Later it would throw where no error can be reported any more.
    if (this.#res.headersSent)
      throw new TrailsumError("INTERNAL", "something in front of the handler has answered the request already");
    super.head({ ...head, header: withFieldsSetBefore(this.#res, head.header) });
    // What a log of middleware reports.
    this.#res.statusCode = head.status;
  }

  /** Sends an interim response, such as 103. */
  override interim(status: number, header: FieldLines): void {
    if (!this.#res.headersSent) super.interim(status, header);
  }

  override switchTo(protocol: string, header: FieldLines): Duplex {
    return super.switchTo(protocol, withFieldsSetBefore(this.#res, header));
  }

  /** Sends the content of the request to a sink. */
  override flow(sink: ContentSink): void {
    if (this.#req.readableDidRead) sink.onLost(alreadyRead());
    else super.flow(sink);
  }

  /** Nothing else looks after a stream that is not of the proxy's own server. */
  override conclude(): void {
    super.conclude();
    const limit = setTimeout(() => this.endUnwanted(), unreadLimits.idle).unref();
    this.#req.stream.once("close", () => clearTimeout(limit));
  }
}
