import { errorCodeName } from "../error-code.ts";
import { Flag, type FrameHeader, FrameType, LARGEST_PAYLOAD } from "./frame-header.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { parseGoaway } from "./goaway.ts";
import { CLIENT_PREFACE } from "./preface.ts";
import { parseRstStream } from "./rst-stream.ts";
import { parseSettings } from "./settings.ts";
import { parseWindowUpdate } from "./window-update.ts";

/** A frame that was sent or received, for people. */
export interface ObservedFrame {
  /** Its type by name, or `0x77` for a type that RFC 9113 does not define. */
  readonly type: string;
  /** 0 for the connection. */
  readonly streamId: number;
  /** The octets of its payload. */
  readonly length: number;
  /** The names of its flags. */
  readonly flags: readonly string[];
  /** What a frame other than DATA and HEADERS says: `CANCEL`, `MAX_FRAME_SIZE=16384`. Empty for those. */
  readonly detail: string;
}

const TYPES: readonly string[] = Object.keys(FrameType);

/** The names of parameters (RFC 9113 section 6.5.2, RFC 8441, RFC 9218), by identifier. */
const SETTINGS: readonly string[] = [
  "",
  "HEADER_TABLE_SIZE",
  "ENABLE_PUSH",
  "MAX_CONCURRENT_STREAMS",
  "INITIAL_WINDOW_SIZE",
  "MAX_FRAME_SIZE",
  "MAX_HEADER_LIST_SIZE",
  "",
  "ENABLE_CONNECT_PROTOCOL",
  "NO_RFC7540_PRIORITIES",
];

const hexadecimal = (number: number): string => `0x${number.toString(16)}`;

/**
 * Names the frames in one direction of a connection, for a trace. It keeps up to one payload, and checks nothing: from octets
 * that are no frames on, it is silent.
 */
export class FrameObserver implements FrameSink {
  readonly #reader: FrameReader = new FrameReader(this);
  readonly #onFrame: (frame: ObservedFrame) => void;
  /** Octets of the preface that are to come. */
  #preface: number;

  /** `sender` is the side whose octets are observed: a client begins with the preface. */
  constructor(sender: "client" | "server", onFrame: (frame: ObservedFrame) => void) {
    this.#onFrame = onFrame;
    this.#preface = sender === "client" ? CLIENT_PREFACE.length : 0;
    this.#reader.maxFrameSize = LARGEST_PAYLOAD;
  }

  /** Takes the next octets of the connection. */
  read(bytes: Buffer): void {
    const skipped = Math.min(this.#preface, bytes.length);
    this.#preface -= skipped;
    try {
      this.#reader.read(bytes.subarray(skipped));
    } catch {
      // The session reports it.
      this.#reader.stop();
    }
  }

  onFrameHeader(header: FrameHeader): void {
    // A frame of an unknown type is skipped by the reader.
    if (TYPES[header.type] === undefined) this.#report(header, "");
  }

  onData(header: FrameHeader): void {
    this.#report(header, "");
  }

  onContent(): void {}

  onFrame(header: FrameHeader, payload: Buffer): void {
    this.#report(header, detailOf(header, payload));
  }

  #report(header: FrameHeader, detail: string): void {
    const { type, streamId, length } = header;
    this.#onFrame({ type: TYPES[type] ?? hexadecimal(type), streamId, length, flags: flagsOf(header), detail });
  }
}

/** The names of the flags that have a meaning for the type of the frame. */
function flagsOf({ type, flags }: FrameHeader): string[] {
  const has = (flag: number, name: string, ...types: readonly number[]): string[] =>
    (flags & flag) !== 0 && types.includes(type) ? [name] : [];
  const { CONTINUATION, DATA, HEADERS, PING, PUSH_PROMISE, SETTINGS: SETTINGS_FRAME } = FrameType;
  return [
    ...has(Flag.END_STREAM, "END_STREAM", DATA, HEADERS),
    ...has(Flag.ACK, "ACK", SETTINGS_FRAME, PING),
    ...has(Flag.END_HEADERS, "END_HEADERS", HEADERS, PUSH_PROMISE, CONTINUATION),
    ...has(Flag.PADDED, "PADDED", DATA, HEADERS, PUSH_PROMISE),
    ...has(Flag.PRIORITY, "PRIORITY", HEADERS),
  ];
}

function detailOf(header: FrameHeader, payload: Buffer): string {
  switch (header.type) {
    case FrameType.SETTINGS:
      return (parseSettings(header, payload) ?? [])
        .map(([id, value]) => `${SETTINGS[id] || hexadecimal(id)}=${value}`)
        .join(", ");
    case FrameType.WINDOW_UPDATE:
      return `+${parseWindowUpdate(payload)}`;
    case FrameType.RST_STREAM:
      return errorCodeName(parseRstStream(header, payload));
    case FrameType.GOAWAY: {
      const { lastStreamId, errorCode, debugData } = parseGoaway(header, payload);
      const said = debugData === "" ? [] : [JSON.stringify(debugData)];
      return [errorCodeName(errorCode), `last stream ${lastStreamId}`, ...said].join(", ");
    }
    default:
      return "";
  }
}
