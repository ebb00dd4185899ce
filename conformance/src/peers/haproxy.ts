import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type Peer, versionOf } from "./peer.ts";

/** HAProxy in HTTP mode. */
export const haproxy: Peer = {
  name: "HAProxy",
  version: () => versionOf("haproxy", "-v"),
  async command({ port, originPort, directory }) {
    const file = join(directory, "haproxy.cfg");
    await writeFile(
      file,
      `defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 1s
  timeout tunnel 10s
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
