import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { combinations, HTTP1 } from "../combination.ts";
import { type Peer, versionOf } from "./peer.ts";

/** Caddy's reverse_proxy. */
export const caddy: Peer = {
  name: "Caddy",
  combinations,
  install: "apt-get install caddy",
  version: () => versionOf("caddy", "version"),
  async command({ port, originPort, directory, timeout, keep, combination: { client, origin } = HTTP1, secure }) {
    const versions = secure === undefined ? "h1 h2c" : "h1 h2";
    const file = join(directory, "Caddyfile");
    await writeFile(
      file,
      `{
  admin off
  auto_https off
  servers {
    protocols ${client === "2" ? versions : "h1"}
  }
}
${secure === undefined ? "" : "https://"}:${port} {
  bind 127.0.0.1
  ${secure === undefined ? "" : `tls ${secure.certFile} ${secure.keyFile}`}
  reverse_proxy 127.0.0.1:${originPort} {
    flush_interval -1
    transport http {
      response_header_timeout ${timeout}s
      compression off
      versions ${origin === "2" ? "h2c 2" : "1.1"}
      ${keep === undefined ? "" : `keepalive_idle_conns_per_host ${keep}`}
    }
  }
}
`,
    );
    return ["caddy", "run", "--config", file, "--adapter", "caddyfile"];
  },
};
