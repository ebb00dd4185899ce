import { FieldLines } from "@trailsum/shared";

import type {
  ClientSession,
  ConnectionFault,
  Goaway,
  Http2Stream,
  RequestHead,
  ResponseHandler,
  ResponseHead,
  ServerHandler,
  ServerStream,
  Session,
  SessionHandler,
  Settings,
  StreamHandler,
  StreamReset,
} from "../../../src/http2/index.ts";

/** What has happened on a stream, in the order in which it did; content in one piece. */
export interface Seen {
  readonly events: string[];
  content: string;
  request?: RequestHead;
  readonly interim: ResponseHead[];
  response?: ResponseHead;
  trailers?: FieldLines;
  ended: boolean;
  reset?: StreamReset;
}

/** Records what happens on a stream, and consumes its content. */
export class RecordingStream implements ResponseHandler {
  readonly seen: Seen = { events: [], content: "", interim: [], ended: false };
  /** Set as soon as there is one. */
  stream: Http2Stream | undefined;
  /** Called when it may have become possible to go on. */
  onChange: () => void = () => {};
  /** Whether content is consumed at once. */
  consumes = true;
  readonly #over = Promise.withResolvers<void>();
  /** Settles when the message has ended, or the stream was reset. */
  readonly over: Promise<void> = this.#over.promise;

  onRequest(stream: ServerStream, request: RequestHead, endStream: boolean): void {
    this.stream = stream;
    this.seen.request = request;
    this.seen.ended = endStream;
    this.#record("request");
  }

  onInterim(response: ResponseHead): void {
    this.seen.interim.push(response);
    this.#record(`interim ${response.status}`);
  }

  onResponse(response: ResponseHead, endStream: boolean): void {
    this.seen.response = response;
    this.seen.ended ||= endStream;
    this.#record(`response ${response.status}`);
  }

  onData(piece: Buffer, endStream: boolean): void {
    this.seen.content += piece.toString("latin1");
    this.seen.ended ||= endStream;
    if (this.consumes) this.stream?.consume(piece.length);
    this.#record(endStream ? "data end" : "data");
  }

  onTrailers(trailers: FieldLines): void {
    this.seen.trailers = trailers;
    this.seen.ended = true;
    this.#record("trailers");
  }

  onWritable(): void {
    this.onChange();
  }

  onReset(reset: StreamReset): void {
    this.seen.reset = reset;
    this.#record(`reset ${reset.code} by ${reset.by}`);
  }

  /** Sends all of this, as the windows allow. */
  sendAll(
    content: string | Buffer,
    { endStream = false, trailers }: { endStream?: boolean; trailers?: FieldLines } = {},
  ): void {
    let rest = Buffer.from(content);
    const go = (): void => {
      const taken = this.stream!.send(rest, endStream);
      if (taken < rest.length) {
        rest = rest.subarray(taken);
        return;
      }
      this.onChange = () => {};
      if (trailers !== undefined) this.stream!.sendTrailers(trailers);
    };
    this.onChange = go;
    go();
  }

  #record(event: string): void {
    // Content may come in any pieces.
    if (event !== "data" || this.seen.events.at(-1) !== "data") this.seen.events.push(event);
    if (this.seen.ended || this.seen.reset !== undefined) this.#over.resolve();
  }
}

/** Records what happens on a connection. */
export class RecordingSession implements SessionHandler {
  readonly settings: Settings[] = [];
  readonly goaways: Goaway[] = [];
  readonly pongs: string[] = [];
  closedStreams = 0;
  closed = false;
  fault: ConnectionFault | undefined;
  /** Called when there is output. */
  flush: () => void = () => {};

  onOutput(): void {
    this.flush();
  }

  onSettings(settings: Settings): void {
    this.settings.push(settings);
  }

  onGoaway(goaway: Goaway): void {
    this.goaways.push(goaway);
  }

  onPong(payload: Buffer): void {
    this.pongs.push(payload.toString("latin1"));
  }

  onStreamClosed(): void {
    this.closedStreams += 1;
  }

  onClosed(fault: ConnectionFault | undefined): void {
    this.closed = true;
    this.fault = fault;
  }
}

/** A request that a server has received. */
export interface ReceivedRequest {
  readonly stream: ServerStream;
  readonly recording: RecordingStream;
  readonly seen: Seen;
}

/** Records what happens on a connection of a server, and has each request answered, if there is something that does it. */
export class RecordingServer extends RecordingSession implements ServerHandler {
  readonly requests: ReceivedRequest[] = [];
  readonly #answer: ((request: ReceivedRequest) => void) | undefined;

  constructor(answer?: (request: ReceivedRequest) => void) {
    super();
    this.#answer = answer;
  }

  onRequest(stream: ServerStream, request: RequestHead, endStream: boolean): StreamHandler {
    const recording = new RecordingStream();
    recording.onRequest(stream, request, endStream);
    const received = { stream, recording, seen: recording.seen };
    this.requests.push(received);
    this.#answer?.(received);
    return recording;
  }
}

/** Field lines of names and values. */
export function fields(...raw: readonly string[]): FieldLines {
  return FieldLines.fromRaw(raw);
}

/** Opens a stream with a request. */
export function ask(
  client: ClientSession,
  { method = "GET", path = "/", endStream = true, lines = fields() } = {},
): RecordingStream {
  const recording = new RecordingStream();
  const control = { method, scheme: "http", authority: "a.example", path, protocol: undefined };
  recording.stream = client.request({ ...control, fields: lines }, recording, { endStream });
  return recording;
}

/** Carries output between two sessions until none is left. */
export function exchange(one: Session, other: Session): void {
  for (;;) {
    const there = Buffer.concat(one.takeOutput());
    const back = Buffer.concat(other.takeOutput());
    if (there.length === 0 && back.length === 0) return;
    if (there.length > 0) other.receive(there);
    if (back.length > 0) one.receive(back);
  }
}
