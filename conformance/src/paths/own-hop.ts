import { readFile } from "node:fs/promises";

import { startCommand } from "./command.ts";
import type { Hop } from "./hop.ts";

const manifest = new URL("../../../packages/cli/package.json", import.meta.url);

/** This project's own proxy, as a command. */
export const ownHop: Hop = {
  name: "trailsum proxy",
  version: async () => (JSON.parse(await readFile(manifest, "utf8")) as { version: string }).version,
  start(next, entrance, place) {
    const tls =
      entrance.version === "1.1" ? [] : ["--tls-cert", entrance.secure.certFile, "--tls-key", entrance.secure.keyFile];
    return startCommand(["proxy", `http://127.0.0.1:${next}`, "--port", "0", ...tls], place);
  },
};
