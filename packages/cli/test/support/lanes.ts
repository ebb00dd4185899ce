/**
 * Does `work` for every row, two at a time, and gives the results in the order of the rows. A process takes most of its
 * time to start, and most machines have two cores. `open` makes what each of the two lanes needs for itself.
 */
export async function inLanes<Row, Lane, Result>(
  rows: readonly Row[],
  open: () => Promise<Lane>,
  work: (row: Row, lane: Lane) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = rows.entries();
  const run = async (): Promise<void> => {
    const lane = await open();
    for (const [index, row] of left) results[index] = await work(row, lane);
  };
  await Promise.all([run(), run()]);
  return results;
}
