import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Peer } from "./peer.ts";

const root = join(import.meta.dirname, "../..");

/** A proxy from the package registry, run by a program of that name in `peers/`. */
export function nodePeer(dependency: string, program: string): Peer {
  return {
    name: dependency,
    install: "pnpm install",
    async version() {
      const manifest = await readFile(join(root, "node_modules", dependency, "package.json"), "utf8").catch(() => "{}");
      return (JSON.parse(manifest) as { version?: string }).version;
    },
    command: async ({ port, originPort, timeout, keep }) => [
      process.execPath,
      join(root, "peers", `${program}.ts`),
      String(port),
      String(originPort),
      String(timeout),
      String(keep ?? 0),
    ],
  };
}
