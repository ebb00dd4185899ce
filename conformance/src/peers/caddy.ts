import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type Peer, versionOf } from "./peer.ts";

/** Caddy's reverse_proxy. */
export const caddy: Peer = {
  name: "Caddy",
  version: () => versionOf("caddy", "version"),
  async command({ port, originPort, directory }) {
    const file = join(directory, "Caddyfile");
    await writeFile(
      file,
      `{
  admin off
  auto_https off
}
:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${originPort} {
    flush_interval -1
    transport http {
      response_header_timeout 1s
      compression off
    }
  }
}
`,
    );
    return ["caddy", "run", "--config", file, "--adapter", "caddyfile"];
  },
};
