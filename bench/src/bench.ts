import { type Report, write } from "./report.ts";
import { transferMemory } from "./transfer-memory.ts";
import { transferSpeed } from "./transfer-speed.ts";

const benchmarks: ReadonlyMap<string, () => Promise<Report>> = new Map([
  ["transfer-speed", transferSpeed],
  ["transfer-memory", transferMemory],
]);

const names = process.argv.length > 2 ? process.argv.slice(2) : [...benchmarks.keys()];
for (const name of names) {
  const benchmark = benchmarks.get(name);
  if (benchmark === undefined)
    throw new Error(`no benchmark "${name}": there are ${[...benchmarks.keys()].join(", ")}`);
  await write(await benchmark());
}
