import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type Peer, versionOf } from "./peer.ts";

/** HAProxy in HTTP mode. */
export const haproxy: Peer = {
  name: "HAProxy",
  install: "apt-get install haproxy",
  version: () => versionOf("haproxy", "-v"),
  async command({ port, originPort, directory, timeout }) {
    const file = join(directory, "haproxy.cfg");
    await writeFile(
      file,
      `defaults
  mode http
  timeout connect ${timeout}s
  timeout client ${timeout * 10}s
  timeout server ${timeout}s
  timeout tunnel ${timeout * 10}s
  retries 0
frontend clients
  bind 127.0.0.1:${port}
  option forwardfor
  default_backend origin
backend origin
  http-reuse always
  server origin 127.0.0.1:${originPort}
`,
    );
    return ["haproxy", "-db", "-f", file];
  },
};
