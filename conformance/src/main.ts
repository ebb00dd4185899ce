// `pnpm conformance`: the cases; `pnpm conformance paths`: uploads through other proxies.
import { argv } from "node:process";

const [command, ...args] = argv.slice(2);
if (command === "paths") {
  const { walkPaths } = await import("./paths/run.ts");
  await walkPaths(args);
} else await import("./run.ts");
