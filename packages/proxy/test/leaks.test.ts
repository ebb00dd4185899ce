import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, test } from "vitest";

interface Left {
  readonly connections: number;
  readonly resources: Record<string, number>;
  readonly listeners: number[];
  readonly heap: number;
}

test(
  "10,000 exchanges of all kinds, aborted and reset ones included, leave nothing behind",
  { timeout: 120_000 },
  async () => {
    const script = fileURLToPath(new URL("exhausting-process.ts", import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--expose-gc", script], {
      timeout: 110_000,
    });
    expect(stderr).toBe("");
    const { before, after, recorded } = JSON.parse(stdout) as { before: Left; after: Left; recorded: number };
    expect(recorded).toBe(10_000);
    expect({ ...after, heap: 0 }).toEqual({ ...before, heap: 0 });
    expect(after).toMatchObject({ connections: 0, resources: { TCPServerWrap: 2 } });
    // A hundred bytes left of each would be a megabyte.
    expect(after.heap - before.heap).toBeLessThan(1_000_000);
  },
);
