import type { Channel } from "node:diagnostics_channel";

import {
  diagnostics,
  exchangeProgress,
  type ExchangeRecord,
  type TrailersDroppedMessage,
  type UploadsMessage,
  type UpstreamMessage,
  type VerdictName,
} from "@trailsum/shared";

/** An exchange that has not ended. */
export interface ExchangeUnderWay {
  readonly id: string;
  readonly client: string | undefined;
  readonly method: string;
  /** Without the values of its query. */
  readonly target: string;
  /** Seconds since its head was read. */
  readonly seconds: number;
  /** Bytes of content so far. */
  readonly received: number;
  readonly sent: number;
  /** Bytes that the content of the request will have; undefined if that is not known. */
  readonly expected: number | undefined;
}

/** What a process does at this moment, and what it has done since it began. */
export interface Status {
  /** When it began to count. */
  readonly since: Date;
  /** Open connections of clients. */
  readonly connections: number;
  /** Exchanges that have ended. */
  readonly exchanges: number;
  /** Bytes of content of the exchanges that have ended. */
  readonly received: number;
  readonly sent: number;
  /** Verdicts on the content of requests and of responses. */
  readonly verdicts: Readonly<Record<VerdictName, number>>;
  /** Trailer fields that the policy of a proxy left out. */
  readonly trailersDropped: number;
  /** Upload resources that are not complete. */
  readonly unfinishedUploads: number;
  /** The upstreams of a proxy; `ejected` is left out of the choice because it cannot be connected to. */
  readonly upstreams: readonly { readonly origin: string; readonly state: "in use" | "ejected" }[];
  /** The oldest exchanges under way, and how many there are. */
  readonly underWay: readonly ExchangeUnderWay[];
  readonly underWayTotal: number;
}

/** What is known of the process so far. */
export interface StatusWatch {
  /** The status at this moment. */
  current(): Status;
}

/** So many exchanges under way are listed. */
const LISTED = 100;

/**
 * Follows what this process publishes on the diagnostics channels, from now on. What it keeps grows with the open connections, and
 * not with what clients have asked for.
 */
export function watchStatus(origins: readonly string[]): StatusWatch {
  const since = new Date();
  const running = new Set<ExchangeRecord>();
  const unfinished = new Map<object, number>();
  const ejected = new Set<string>();
  const verdicts = { verified: 0, mismatched: 0, missing: 0, malformed: 0, unverified: 0 };
  const counts = { connections: 0, exchanges: 0, received: 0, sent: 0, trailersDropped: 0 };

  on(diagnostics.connectionOpen, () => (counts.connections += 1));
  on(diagnostics.connectionClose, () => (counts.connections -= 1));
  on(diagnostics.exchangeStart, (record: ExchangeRecord) => running.add(record));
  on(diagnostics.exchangeEnd, (record: ExchangeRecord) => {
    running.delete(record);
    counts.exchanges += 1;
    counts.received += record.received;
    counts.sent += record.sent;
    for (const verdict of [record.requestVerdict, record.responseVerdict])
      if (verdict !== undefined) verdicts[verdict.name] += 1;
  });
  on(diagnostics.trailersDropped, ({ names }: TrailersDroppedMessage) => (counts.trailersDropped += names.length));
  on(diagnostics.uploadsChanged, (message: UploadsMessage) => unfinished.set(message.store, message.unfinished));
  on(diagnostics.upstreamEjected, ({ origin }: UpstreamMessage) => ejected.add(origin));
  on(diagnostics.upstreamReturned, ({ origin }: UpstreamMessage) => ejected.delete(origin));

  return {
    current: () => ({
      since,
      ...counts,
      verdicts: { ...verdicts },
      unfinishedUploads: [...unfinished.values()].reduce((sum, count) => sum + count, 0),
      upstreams: origins.map((origin) => ({ origin, state: ejected.has(origin) ? "ejected" : "in use" })),
      underWay: first(running, LISTED).map(underWay),
      underWayTotal: running.size,
    }),
  };
}

/** The members that were added first. */
function first<Member>(all: ReadonlySet<Member>, count: number): Member[] {
  const members: Member[] = [];
  for (const member of all) if (members.push(member) === count) break;
  return members;
}

function underWay(record: ExchangeRecord): ExchangeUnderWay {
  const { id, remoteAddress: client, method, target, time } = record;
  const { received = 0, sent = 0, expected } = exchangeProgress(record) ?? {};
  const seconds = Math.max(0, Date.now() - time.getTime()) / 1_000;
  return { id, client, method, target, seconds, received, sent, expected };
}

/** A channel has messages of one type. */
function on(channel: Channel, take: (message: never) => void): void {
  channel.subscribe(take as (message: unknown) => void);
}
