import { stat } from "node:fs/promises";
import { join } from "node:path";

import { download } from "@trailsum/client";

import { startCuttingHop } from "./cutting-hop.ts";
import { startNaiveRelay } from "./naive-relay.ts";
import { failureOf, type Scene } from "./scene.ts";
import type { Stage } from "./stage.ts";
import { startWireTap, type WireTap } from "./wire-tap.ts";

/** Where the content that the server sends is cut. */
const CUT = 3_000_000;

/** A naive relay, and a hop between it and the server that truncates responses. */
async function cutBehindRelay({ serverUrl, atEnd }: Stage): Promise<{ relay: string; tap: WireTap }> {
  const cutting = await startCuttingHop(serverUrl, CUT);
  atEnd(() => cutting.close());
  const relay = await startNaiveRelay(cutting.origin);
  atEnd(() => relay.close());
  const tap = await startWireTap(new URL(relay.origin));
  atEnd(() => tap.close());
  return { relay: tap.origin, tap };
}

/** Fetches as any client does; gives the size of what seemed complete, or undefined where the end was missing. */
async function plainFetch(url: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal });
    return (await response.arrayBuffer()).byteLength;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export const completedCut: Scene = {
  name: "completed-cut",
  title: "Download through a relay that completes a truncated response.",
  async play(stage) {
    const { relay, tap } = await cutBehindRelay(stage);
    const size = await plainFetch(`${relay}/content`, stage.signal);
    const record = tap.received();
    const copy = join(stage.directory, "copy");
    const error = await failureOf(download(`${relay}/content`, copy, { signal: stage.signal }));
    const whole = (await stat(stage.file)).size;
    const kept = await failureOf(stat(copy));
    return {
      ok: size !== undefined && size < whole && error?.code === "DIGEST_MISMATCHED" && kept !== undefined,
      exit: error?.meaning.exit ?? 0,
      seen: [
        size === undefined
          ? "fetch noticed the cut."
          : `fetch got ${megabytes(size)} of ${megabytes(whole)}, and noticed nothing.`,
        `trailsum kept nothing: ${error?.message ?? "it noticed nothing either"}`,
      ],
      hops: [{ hop: "relay to client", record }],
    };
  },
};

export const enforcedCut: Scene = {
  name: "enforced-cut",
  title: "The same, with trailsum proxy --verify enforce in front of the relay.",
  async play(stage) {
    const { relay } = await cutBehindRelay(stage);
    const proxy = await stage.startProxy(relay);
    const size = await plainFetch(new URL("/content", proxy).href, stage.signal);
    return {
      ok: size === undefined,
      exit: 0,
      seen: [
        size === undefined
          ? "The proxy aborted the response. fetch failed, although it checks no digests."
          : `fetch got ${megabytes(size)}, and noticed nothing.`,
      ],
    };
  },
};
