import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { combinations, HTTP1, type Version } from "../combination.ts";
import { type CertificateFiles, type Peer, versionOf } from "./peer.ts";

const proto = (version: Version): string => (version === "2" ? " proto h2" : "");

/** By ALPN: HAProxy reads the certificate and its key from one file. */
const offered = (version: Version, { bothFile }: CertificateFiles): string =>
  ` ssl crt ${bothFile} alpn ${version === "2" ? "h2,http/1.1" : "http/1.1"}`;

/** HAProxy in HTTP mode. */
export const haproxy: Peer = {
  name: "HAProxy",
  combinations,
  install: "apt-get install haproxy",
  version: () => versionOf("haproxy", "-v"),
  async command({ port, originPort, directory, timeout, combination: { client, origin } = HTTP1, secure }) {
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
  bind 127.0.0.1:${port}${secure === undefined ? proto(client) : offered(client, secure)}
  option forwardfor
  default_backend origin
backend origin
  http-reuse always
  server origin 127.0.0.1:${originPort}${proto(origin)}
`,
    );
    return ["haproxy", "-db", "-f", file];
  },
};
