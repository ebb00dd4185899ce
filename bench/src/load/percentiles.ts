/** The reported percentiles of latencies. */
export const PERCENTILES: readonly number[] = [50, 75, 90, 95, 99, 99.5, 99.9];

/** The latencies at the percentiles, none for none. */
export function percentilesOf(latencies: readonly number[]): number[] {
  const sorted = Float64Array.from(latencies).toSorted();
  if (sorted.length === 0) return [];
  return PERCENTILES.map((percentile) => sorted[Math.ceil((percentile / 100) * sorted.length) - 1]!);
}
