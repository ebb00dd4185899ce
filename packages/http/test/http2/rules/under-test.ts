import {
  connectionPreface,
  encodeFields,
  type FieldPairs,
  fieldSection,
  type Http2Frame,
  pingFrame,
  settingsAckFrame,
  settingsFrame,
} from "@trailsum/testkit";
import { FrameReader } from "@trailsum/testkit/http2-frame-reader";

import {
  ClientSession,
  ServerSession,
  type ServerSessionOptions,
  type Session,
  type SessionOptions,
} from "../../../src/http2/index.ts";
import { ask, RecordingServer, RecordingSession, type RecordingStream } from "../session/events.ts";

/** A session whose peer is played frame by frame. */
class UnderTest<Kind extends Session, Recording extends RecordingSession> {
  readonly session: Kind;
  readonly recording: Recording;
  readonly #reader = new FrameReader();
  readonly #frames: Http2Frame[] = [];
  #preface: number;

  constructor(session: Kind, recording: Recording) {
    this.session = session;
    this.recording = recording;
    this.#preface = session instanceof ClientSession ? connectionPreface.length : 0;
  }

  /** Gives it frames, or any bytes, in one piece. */
  send(...frames: readonly Uint8Array[]): this {
    this.session.receive(Buffer.concat(frames));
    return this;
  }

  /** All that it has sent so far. */
  get frames(): readonly Http2Frame[] {
    for (;;) {
      const output = Buffer.concat(this.session.takeOutput());
      if (output.length === 0) return this.#frames;
      const preface = Math.min(this.#preface, output.length);
      this.#preface -= preface;
      this.#frames.push(...this.#reader.read(output.subarray(preface)));
    }
  }

  framesOf(type: Http2Frame["type"]): Http2Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** The error code of its GOAWAY, if it has sent one. */
  get goaway(): number | undefined {
    return this.framesOf("GOAWAY").at(-1)?.errorCode;
  }

  /** The error code of its RST_STREAM for a stream, if it has sent one. */
  resetOf(streamId: number): number | undefined {
    return this.framesOf("RST_STREAM").find((frame) => frame.streamId === streamId)?.errorCode;
  }

  /** Whether it still answers a PING. */
  get alive(): boolean {
    const payload = Buffer.from("areyouon");
    this.send(pingFrame(payload));
    return this.framesOf("PING").some(({ ack, body }) => ack && body.equals(payload));
  }
}

export type ServerUnderTest = UnderTest<ServerSession, RecordingServer>;
export type ClientUnderTest = UnderTest<ClientSession, RecordingSession>;

/** A server that has not heard anything. */
export function newServer(options: ServerSessionOptions = {}): ServerUnderTest {
  const recording = new RecordingServer();
  const session = new ServerSession(recording, options);
  session.start();
  return new UnderTest(session, recording);
}

/** A server after the handshake. */
export function server(options?: ServerSessionOptions): ServerUnderTest {
  return newServer(options).send(connectionPreface, settingsFrame(), settingsAckFrame());
}

/** A client that has not heard anything. */
export function newClient(options: SessionOptions = {}): ClientUnderTest {
  const recording = new RecordingSession();
  const session = new ClientSession(recording, options);
  session.start();
  return new UnderTest(session, recording);
}

/** A client after the handshake, with requests on streams 1, 3, ... */
export function client(
  requests: readonly Parameters<typeof ask>[1][] = [{}],
  options?: SessionOptions,
): { readonly peer: ClientUnderTest; readonly calls: readonly RecordingStream[] } {
  const peer = newClient(options).send(settingsFrame(), settingsAckFrame());
  return { peer, calls: requests.map((request) => ask(peer.session, request)) };
}

/** A rule that is broken: what the peer does, the section that forbids it (of RFC 9113 unless it says another), the code, the frames. */
export type Breach = readonly [what: string, section: string, code: number, ...frames: Uint8Array[]];

/** Breaches as a table for `test.each`. */
export function breaches(table: readonly Breach[]) {
  return table.map(([what, rfcSection, code, ...frames]) => ({ what, section: rfcSection, code, frames }));
}

/** The header section of a request that has content. */
export const put: FieldPairs = [
  [":method", "PUT"],
  [":scheme", "http"],
  [":authority", "a.example"],
  [":path", "/"],
];

/** The header section of a response. */
export const ok: FieldPairs = [[":status", "200"]];

/** `fields` with `more` at the end. */
export function also(fields: FieldPairs, ...more: FieldPairs): FieldPairs {
  return [...fields, ...more];
}

/** `fields` without those of a name. */
export function without(fields: FieldPairs, name: string): FieldPairs {
  return fields.filter(([found]) => found !== name);
}

/** `fields` with another value of a name. */
export function instead(fields: FieldPairs, name: string, value: string): FieldPairs {
  return fields.map(([found, was]) => [found, found === name ? value : was]);
}

/** HEADERS, and CONTINUATION if it takes that. */
export function section(streamId: number, fields: FieldPairs, endStream = false): Buffer {
  return fieldSection(streamId, encodeFields(fields), { endStream });
}
