import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { type Combination, HTTP1 } from "../combination.ts";
import type { Peer } from "./peer.ts";

const root = join(import.meta.dirname, "../..");

/** A proxy from the package registry, run by a program of that name in `peers/`. */
export function nodePeer(dependency: string, program: string, combinations: readonly Combination[] = [HTTP1]): Peer {
  return {
    name: dependency,
    install: "pnpm install",
    combinations,
    async version() {
      const manifest = await readFile(join(root, "node_modules", dependency, "package.json"), "utf8").catch(() => "{}");
      return (JSON.parse(manifest) as { version?: string }).version;
    },
    command: async ({ port, originPort, timeout, keep, combination: { client, origin } = HTTP1 }) => [
      process.execPath,
      join(root, "peers", `${program}.ts`),
      ...[port, originPort, timeout, keep ?? 0].map(String),
      client,
      origin,
    ],
  };
}
