import type { Dispatcher } from "undici";

/**
 * What happens to request trailers on the path to an origin: they are `kept`; they are `dropped`, and the rest of the
 * request arrives; or they are `fatal`, and end the connection.
 */
export type TrailerPassage = "kept" | "dropped" | "fatal";

/** What is known of the paths to origins. */
export interface PathKnowledge {
  /** What happens to trailers on the path to an origin (`https://host:port`); undefined if unknown. */
  get(origin: string): TrailerPassage | undefined;
  /** Remembers it, or forgets it. */
  set(origin: string, passage: TrailerPassage | undefined): void;
}

/** More origins than one process uploads to. The oldest knowledge goes first. */
const MAX_ORIGINS = 1_000;

const ofDispatchers = new WeakMap<Dispatcher, PathKnowledge>();

/** What this process knows about the paths of a dispatcher: another dispatcher may use a proxy or another version. */
export function pathsOf(dispatcher: Dispatcher): PathKnowledge {
  const known = ofDispatchers.get(dispatcher) ?? createPathKnowledge();
  ofDispatchers.set(dispatcher, known);
  return known;
}

function createPathKnowledge(): PathKnowledge {
  const passages = new Map<string, TrailerPassage>();
  return {
    get: (origin) => passages.get(origin),
    set(origin, passage) {
      passages.delete(origin);
      if (passage === undefined) return;
      passages.set(origin, passage);
      const [oldest] = passages.keys();
      if (passages.size > MAX_ORIGINS && oldest !== undefined) passages.delete(oldest);
    },
  };
}
