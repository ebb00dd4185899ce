/** Shows what `-v` (1) and `-vv` (2 or more) ask for on stderr, above the progress. */
export async function showWire(verbose: number, progress?: { erase(): void }): Promise<void> {
  if (verbose === 0) return;
  const { traceWire } = await import("./wire-trace.ts");
  traceWire(verbose > 1 ? "content" : "heads", (lines) => {
    progress?.erase();
    process.stderr.write(lines);
  });
}
