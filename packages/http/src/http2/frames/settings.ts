import { frameSizeFault, requireConnection } from "./frame-fault.ts";
import {
  Flag,
  FRAME_HEADER_LENGTH,
  type FrameHeader,
  FrameType,
  readUint32,
  writeFrameHeader,
  writeUint32,
} from "./frame-header.ts";

/** One parameter as received; its identifier may be unknown. */
export type SettingPair = readonly [id: number, value: number];

const SETTING_LENGTH = 6;

/**
 * The parameters of a SETTINGS frame (RFC 9113 section 6.5) in their order; `undefined` for an acknowledgement. Throws for an
 * invalid frame.
 */
export function parseSettings(header: FrameHeader, payload: Buffer): SettingPair[] | undefined {
  requireConnection("SETTINGS", header);
  if ((header.flags & Flag.ACK) !== 0) {
    if (payload.length !== 0) throw frameSizeFault("SETTINGS acknowledgement", payload.length);
    return undefined;
  }
  if (payload.length % SETTING_LENGTH !== 0) throw frameSizeFault("SETTINGS", payload.length);
  const settings: SettingPair[] = [];
  for (let at = 0; at < payload.length; at += SETTING_LENGTH) {
    settings.push([(payload[at]! << 8) | payload[at + 1]!, readUint32(payload, at + 2)]);
  }
  return settings;
}

/** The octets of a SETTINGS frame with so many parameters. */
export function settingsLength(count: number): number {
  return FRAME_HEADER_LENGTH + SETTING_LENGTH * count;
}

/** Writes a SETTINGS frame at `at`, and returns the position after it. */
export function writeSettings(target: Buffer, at: number, settings: readonly SettingPair[]): number {
  const length = SETTING_LENGTH * settings.length;
  let position = writeFrameHeader(target, at, { length, type: FrameType.SETTINGS, flags: 0, streamId: 0 });
  for (const [id, value] of settings) {
    target[position] = id >> 8;
    target[position + 1] = id;
    position = writeUint32(target, position + 2, value);
  }
  return position;
}

/** Writes the acknowledgement of the peer's SETTINGS at `at`, and returns the position after it. */
export function writeSettingsAck(target: Buffer, at: number): number {
  return writeFrameHeader(target, at, { length: 0, type: FrameType.SETTINGS, flags: Flag.ACK, streamId: 0 });
}
