import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type Peer, versionOf, which } from "./peer.ts";

const MODULES = ["mpm_event", "authz_core", "env", "proxy", "proxy_http", "proxy_wstunnel"];

/** Apache's httpd with mod_proxy_http, as Debian packs it. */
export const apache: Peer = {
  name: "Apache httpd",
  install: "apt-get install apache2",
  version: async () => ((await which("apache2")) === undefined ? undefined : versionOf("apache2", "-v")),
  async command({ port, originPort, directory, timeout }) {
    const file = join(directory, "apache.conf");
    await writeFile(
      file,
      `ServerRoot ${directory}
ServerName conformance.example
DefaultRuntimeDir ${directory}
PidFile ${directory}/apache.pid
ErrorLog /dev/null
Listen 127.0.0.1:${port}
${MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
${process.getuid?.() === 0 ? "User nobody\nGroup nogroup" : ""}
AllowEncodedSlashes NoDecode
LimitRequestFieldSize 32768
LimitRequestLine 32768
ProxyRequests Off
ProxyTimeout ${timeout}
SetEnv proxy-sendchunked 1
ProxyPass / http://127.0.0.1:${originPort}/ nocanon upgrade=ANY flushpackets=on
`,
    );
    return ["apache2", "-DFOREGROUND", "-f", file];
  },
};
