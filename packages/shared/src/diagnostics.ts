import { type Channel, channel } from "node:diagnostics_channel";

import type { DeliveryMode, ExchangeRecord } from "./exchange-record.ts";
import type { TrailsumError } from "./errors.ts";
import type { Verdict } from "./verdict.ts";

// What subscribers of these channels get. Nothing is made for a channel without subscribers.

/** `trailsum:exchange:start` and `trailsum:exchange:end`: the same object in both, complete in the second. */
export type ExchangeMessage = ExchangeRecord;

/** `trailsum:connection:open` and `trailsum:connection:close`, once each for every connection that a server accepts. */
export interface ConnectionMessage {
  /** The address of the peer. */
  readonly remoteAddress: string | undefined;
  /** Whether it speaks TLS. */
  readonly protocol: "http" | "https";
}

/** `trailsum:trailers:dropped`: a proxy's policy has left trailers out of a message. */
export interface TrailersDroppedMessage {
  /** Of which message. */
  readonly direction: "request" | "response";
  /** The names as they came, one for each field line. A peer has chosen them: escape them before they are shown. */
  readonly names: readonly string[];
}

/** `trailsum:upstream:ejected` and `trailsum:upstream:returned`: a proxy leaves an upstream out, and uses it again. */
export interface UpstreamMessage {
  /** `http://host:port` or `https://host:port`. */
  readonly origin: string;
}

/** `trailsum:uploads:changed`: what a server holds of uploads that are received in several requests. */
export interface UploadsMessage {
  /** The store that holds them. */
  readonly store: object;
  /** Uploads that are not complete. */
  readonly unfinished: number;
}

/** `trailsum:transfer:start` and `trailsum:transfer:end`: the same object in both, complete in the second. */
export interface TransferMessage {
  /** What the client does. */
  readonly direction: "upload" | "download";
  /** The URL, without user information and values of its query. */
  readonly url: string;
  /** When it began. */
  readonly time: Date;
  /** Milliseconds until it ended; 0 before. */
  readonly duration: number;
  /** Bytes of content; 0 before it has ended. */
  readonly size: number;
  /** The verdict; undefined before it is known. An upload has the server's word only, so it has none. */
  readonly verdict: Verdict | undefined;
  /** How the digests were sent or received. */
  readonly mode: DeliveryMode | undefined;
  /** Why it failed. */
  readonly error: TrailsumError | undefined;
}

/** What a channel is about. */
type DiagnosticsChannel =
  | "exchangeStart"
  | "exchangeEnd"
  | "connectionOpen"
  | "connectionClose"
  | "trailersDropped"
  | "upstreamEjected"
  | "upstreamReturned"
  | "uploadsChanged"
  | "transferStart"
  | "transferEnd";

/** The channels of `node:diagnostics_channel`, by what their messages are about. */
export const diagnostics: Readonly<Record<DiagnosticsChannel, Channel>> = {
  exchangeStart: channel("trailsum:exchange:start"),
  exchangeEnd: channel("trailsum:exchange:end"),
  connectionOpen: channel("trailsum:connection:open"),
  connectionClose: channel("trailsum:connection:close"),
  trailersDropped: channel("trailsum:trailers:dropped"),
  upstreamEjected: channel("trailsum:upstream:ejected"),
  upstreamReturned: channel("trailsum:upstream:returned"),
  uploadsChanged: channel("trailsum:uploads:changed"),
  transferStart: channel("trailsum:transfer:start"),
  transferEnd: channel("trailsum:transfer:end"),
};
