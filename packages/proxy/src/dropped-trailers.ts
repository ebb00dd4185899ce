import { diagnostics, type FieldLines, type TrailersDroppedMessage } from "@trailsum/shared";

const { trailersDropped } = diagnostics;

/** Publishes the trailers that came and do not go on. Returns those that do. */
export function publishDropped(
  direction: TrailersDroppedMessage["direction"],
  came: FieldLines,
  passed: FieldLines,
): FieldLines {
  if (passed.length < came.length && trailersDropped.hasSubscribers) {
    const kept = new Set([...passed].map(([name]) => name));
    const names = [...came].map(([name]) => name).filter((name) => !kept.has(name));
    trailersDropped.publish({ direction, names } satisfies TrailersDroppedMessage);
  }
  return passed;
}
