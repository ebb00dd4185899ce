import { type FieldLines, TrailsumError } from "@trailsum/shared";

import { ErrorCode } from "../error-code.ts";
import { ConnectionFault, StreamFault } from "../fault.ts";
import { MAX_STREAM_ID } from "../frames/frame-header.ts";
import { CLIENT_PREFACE } from "../frames/preface.ts";
import { checkedControl, type RequestControl } from "../message/request-head.ts";
import { outgoingLines } from "../message/outgoing-section.ts";
import { ClientStream } from "./client-stream.ts";
import type { ResponseHandler, SessionHandler } from "./handlers.ts";
import type { SessionOptions } from "./options.ts";
import { Session } from "./session.ts";
import type { SectionOptions } from "./stream.ts";

/** A request to send: its control data, as `:`-fields, and its regular lines. */
export interface OutgoingRequestHead extends RequestControl {
  /** The regular field lines. */
  readonly fields: FieldLines;
}

/** The client's side of an HTTP/2 connection. */
export class ClientSession extends Session {
  constructor(handler: SessionHandler, options: SessionOptions = {}) {
    super("client", handler, options);
  }

  /** Begins the connection: sends the preface and SETTINGS. To be called once, before anything else. */
  start(): void {
    this.connection.write(CLIENT_PREFACE.length, (target, at) => at + CLIENT_PREFACE.copy(target, at));
    this.begin({ enablePush: false });
  }

  /**
   * Whether a request can be begun: neither side goes away, the server allows one more stream, and there are identifiers left. Before the
   * server's SETTINGS have come (`remoteSettings`), it allows any number.
   */
  get canRequest(): boolean {
    const { streams, remote } = this.connection;
    if (this.goingAway || streams.lastLocalId >= MAX_STREAM_ID) return false;
    return streams.size < remote.maxConcurrentStreams;
  }

  /**
   * Begins a request on a new stream. Content and trailers may follow, unless `endStream` is set. Throws a `TrailsumError` with USAGE where
   * `canRequest` is false, for control data and lines that may not be sent over HTTP/2, and for an extended CONNECT to a server that does
   * not take any.
   */
  request(request: OutgoingRequestHead, handler: ResponseHandler, options: SectionOptions = {}): ClientStream {
    if (!this.canRequest) throw new TrailsumError("USAGE", "no request can be sent on this connection now");
    const { streams, remote } = this.connection;
    checkControl(request, remote.enableConnectProtocol);
    const lines = outgoingLines(request.fields);
    streams.lastLocalId += streams.lastLocalId === 0 ? 1 : 2;
    const stream = new ClientStream(this.connection, streams.lastLocalId, request.method, handler);
    streams.add(stream);
    stream.start(request, lines, options);
    return stream;
  }

  /** RFC 9113 section 8.4: a server opens streams by promises only, and those were refused. */
  protected override openStream(streamId: number): void {
    throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, `HEADERS on stream ${streamId}, which is idle`);
  }
}

function checkControl(request: OutgoingRequestHead, extendedConnect: boolean): void {
  try {
    checkedControl(request, extendedConnect);
  } catch (error) {
    if (error instanceof StreamFault) throw new TrailsumError("USAGE", `this request cannot be sent: ${error.message}`);
    throw error;
  }
}
