import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, test } from "vitest";

interface Left {
  readonly resources: Record<string, number>;
  readonly listeners: number[];
  readonly heap: number;
}

/** How many at the proxy's own server; half as many where it is mounted. A campaign has 10,000. */
const EXCHANGES = Number(process.env["LEAK_EXCHANGES"] ?? 3_000);

test.each([
  ["own", EXCHANGES],
  ["mounted", EXCHANGES / 2],
])(
  "%s: %i exchanges of all kinds, aborted and reset ones included, leave nothing behind",
  { timeout: 300_000 },
  async (front, count) => {
    const script = fileURLToPath(new URL("exhausting-process.ts", import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ["--expose-gc", script, front, String(count)],
      {
        timeout: 290_000,
      },
    );
    expect(stderr).toBe("");
    const { before, after, recorded } = JSON.parse(stdout) as { before: Left; after: Left; recorded: number };
    expect(recorded).toBe(count);
    expect({ ...after, heap: 0 }).toEqual({ ...before, heap: 0 });
    expect(after.resources).toMatchObject({ TCPServerWrap: 2 });
    expect(after.resources).not.toHaveProperty("TCPSocketWrap");
    // An exchange that leaks takes more than 300 bytes, or 100 in a campaign.
    expect(after.heap - before.heap).toBeLessThan(1_000_000);
  },
);
