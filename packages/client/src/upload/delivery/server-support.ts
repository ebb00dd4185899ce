import { TrailsumError } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import type { Hop } from "../../transfer/redirects.ts";
import { inTime } from "./question-time.ts";
import { askForUploadSupport, type UploadRequesting, type UploadSupport } from "../upload-resource-requests.ts";

/** What a server said of everything below one URL. */
interface KnownSupport {
  readonly below: string;
  readonly support: UploadSupport;
  /** Until when that counts, by `performance.now()`. */
  readonly until: number;
}

/** Another server may answer at the same origin before long. Milliseconds. */
const LIFETIME = 300_000;
const MAX_KNOWN = 100;

const ofDispatchers = new WeakMap<Dispatcher, KnownSupport[]>();

/** What a server supports at a target, by its answer in the last minutes; undefined if it was not asked. */
export function knownSupport({ url }: Hop, dispatcher: Dispatcher): UploadSupport | undefined {
  const now = performance.now();
  return ofDispatchers.get(dispatcher)?.find(({ below, until }) => until > now && url.href.startsWith(below))?.support;
}

/**
 * Asks a server what it supports at a target. Support is remembered for everything below its mount point; that there is
 * none is not. A server that answers badly, or not in time, supports nothing.
 */
export async function askForSupport(hop: Hop, requesting: UploadRequesting): Promise<UploadSupport> {
  const support = await inTime(hop, requesting, (timed) => askForUploadSupport(hop, timed)).catch((error: unknown) => {
    if (error instanceof TrailsumError && NO_ANSWER.has(error.code)) return NOTHING;
    throw error;
  });
  noteSupport(hop, requesting, support);
  return support;
}

/** What a server does that answers badly, or not in time. */
const NO_ANSWER: ReadonlySet<string> = new Set(["PROTOCOL", "CONNECTION_LOST", "TIMEOUT"]);

/** Remembers what a server said of a target. */
export function noteSupport({ url }: Hop, { dispatcher }: UploadRequesting, support: UploadSupport): void {
  if (!support.uploadResources) return;
  const others = (ofDispatchers.get(dispatcher) ?? []).slice(1 - MAX_KNOWN);
  const below = mountPoint(support.probe) ?? url.href;
  ofDispatchers.set(dispatcher, [...others, { below, support, until: performance.now() + LIFETIME }]);
}

const NOTHING: UploadSupport = { uploadResources: false, probe: undefined };

/** `https://host/files/` for a probe at `https://host/files/.trailsum/probe`. */
function mountPoint(probe: URL | undefined): string | undefined {
  return probe?.href.match(/^(.*\/)\.trailsum\/probe$/)?.[1];
}
