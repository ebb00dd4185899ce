import { ErrorCode } from "./error-code.ts";
import { ConnectionFault } from "./fault.ts";
import { DEFAULT_WINDOW, MAX_WINDOW } from "./flow-control.ts";
import { LARGEST_PAYLOAD } from "./frames/frame-header.ts";
import type { SettingPair } from "./frames/settings.ts";
import { DEFAULT_TABLE_SIZE } from "./hpack/dynamic-table.ts";

/** The side of a connection that a session is, or that its peer is. */
export type Role = "client" | "server";

/** The settings of one side, as it has sent them in SETTINGS (RFC 9113 section 6.5.2, RFC 8441 section 3). */
export interface Settings {
  /** The largest dynamic table of its decoder. Octets. @default 4096 */
  readonly headerTableSize: number;
  /** Whether it accepts PUSH_PROMISE. @default true */
  readonly enablePush: boolean;
  /** The most streams that the other side may have open. @default unlimited */
  readonly maxConcurrentStreams: number;
  /** The flow-control window of new streams. Octets. @default 65,535 */
  readonly initialWindowSize: number;
  /** The largest payload of a frame. Octets. @default 16,384 */
  readonly maxFrameSize: number;
  /** The largest field list that it accepts, with 32 octets added for each line. Octets. @default unlimited */
  readonly maxHeaderListSize: number;
  /** Whether it accepts extended CONNECT (RFC 8441). @default false */
  readonly enableConnectProtocol: boolean;
}

/** The settings of a side that has not sent any. */
export const DEFAULT_SETTINGS: Settings = {
  headerTableSize: DEFAULT_TABLE_SIZE,
  enablePush: true,
  maxConcurrentStreams: Number.POSITIVE_INFINITY,
  initialWindowSize: DEFAULT_WINDOW,
  maxFrameSize: 16_384,
  maxHeaderListSize: Number.POSITIVE_INFINITY,
  enableConnectProtocol: false,
};

/** The identifiers of RFC 9113 section 6.5.2, and of RFC 8441. */
const IDS: Readonly<Record<keyof Settings, number>> = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
};

/** The sizes of the dynamic table that a SETTINGS frame sets one after the other. */
export function tableSizes(pairs: readonly SettingPair[]): number[] {
  return pairs.filter(([id]) => id === IDS.headerTableSize).map(([, value]) => value);
}

/** The parameters of a SETTINGS frame that says what `changes` does. */
export function settingPairs(changes: Partial<Settings>): SettingPair[] {
  return Object.entries(changes)
    .filter(([, value]) => value !== Number.POSITIVE_INFINITY)
    .map(([name, value]) => [IDS[name as keyof Settings], Number(value)]);
}

/**
 * The settings of the peer after a SETTINGS frame: its parameters are processed in their order, and unknown ones ignored (RFC 9113
 * section 6.5.3). Throws a {@link ConnectionFault} for a value that the peer, which is `peer`, may not send.
 */
export function changedSettings(before: Settings, pairs: readonly SettingPair[], peer: Role): Settings {
  const after: { -readonly [Name in keyof Settings]: Settings[Name] } = { ...before };
  for (const [id, value] of pairs) {
    switch (id) {
      case IDS.headerTableSize:
        after.headerTableSize = value;
        break;
      case IDS.enablePush:
        after.enablePush = flag("ENABLE_PUSH", value);
        // RFC 9113 section 6.5.2: a client treats 1 from a server as an error.
        if (after.enablePush && peer === "server") throw invalidSetting("ENABLE_PUSH", value);
        break;
      case IDS.maxConcurrentStreams:
        after.maxConcurrentStreams = value;
        break;
      case IDS.initialWindowSize:
        if (value > MAX_WINDOW) throw invalidSetting("INITIAL_WINDOW_SIZE", value, ErrorCode.FLOW_CONTROL_ERROR);
        after.initialWindowSize = value;
        break;
      case IDS.maxFrameSize:
        if (value < 2 ** 14 || value > LARGEST_PAYLOAD) throw invalidSetting("MAX_FRAME_SIZE", value);
        after.maxFrameSize = value;
        break;
      case IDS.maxHeaderListSize:
        after.maxHeaderListSize = value;
        break;
      case IDS.enableConnectProtocol: {
        const enabled = flag("ENABLE_CONNECT_PROTOCOL", value);
        // RFC 8441 section 3: it is not taken back.
        if (before.enableConnectProtocol && !enabled) throw invalidSetting("ENABLE_CONNECT_PROTOCOL", value);
        after.enableConnectProtocol = enabled;
        break;
      }
      default:
    }
  }
  return after;
}

function flag(name: string, value: number): boolean {
  if (value > 1) throw invalidSetting(name, value);
  return value === 1;
}

function invalidSetting(name: string, value: number, code: number = ErrorCode.PROTOCOL_ERROR): ConnectionFault {
  return new ConnectionFault(code, `SETTINGS_${name} of ${value}`);
}
