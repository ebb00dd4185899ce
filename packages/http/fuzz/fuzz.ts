// Lets random peers loose on the HTTP/2 core, in both roles, in this process.
//
//   pnpm fuzz                     for a minute
//   pnpm fuzz --minutes 60        longer
//   pnpm fuzz --connections 1e6   so many connections of each role
//   pnpm fuzz --role server --seed 4711 --connections 1   the one that failed, again
import { parseArgs } from "node:util";

import { fuzzConnection } from "./connection.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    connections: { type: "string" },
    role: { type: "string" },
    seed: { type: "string" },
  },
});

const ROLES = ["server", "client"] as const;
const roles = ROLES.filter((role) => values.role === undefined || values.role === role);
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const connections = Number(values.connections ?? Number.POSITIVE_INFINITY);
const minutes = Number(values.minutes ?? (values.connections === undefined ? 1 : Number.POSITIVE_INFINITY));
const end = performance.now() + minutes * 60_000;

/** How much more memory may be in use at the end than after the first connections. Octets. */
const GROWTH = 32 * 1024 * 1024;

/** Connections between two looks at the clock and the memory. */
const BATCH = 10_000;

process.on("unhandledRejection", (error) => fail("unhandled rejection", error));

let done = 0;
let before: number | undefined;
while (done < connections && performance.now() < end) {
  const until = Math.min(connections, done + BATCH);
  for (; done < until; done += 1) {
    for (const role of roles) {
      const seed = first + done;
      try {
        fuzzConnection(role, seed);
      } catch (error) {
        fail(`--role ${role} --seed ${seed} --connections 1`, error);
      }
    }
  }
  const used = memory();
  before ??= used;
  console.log(`${done} connections of each role, ${Math.round(used / 2 ** 20)} MiB in use`);
  if (used - before > GROWTH) fail("memory grows", new Error(`from ${before} to ${used} octets`));
}
console.log(`no fault in ${done} connections of ${roles.join(" and ")}, from seed ${first}`);

function memory(): number {
  // The first collection frees what buffers are attached to, the second one the buffers.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function fail(what: string, error: unknown): never {
  console.error(what, error);
  process.exit(1);
}
