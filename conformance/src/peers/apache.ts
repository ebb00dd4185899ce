import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { combinations, HTTP1 } from "../combination.ts";
import { type Peer, versionOf } from "./peer.ts";

const MODULES = ["mpm_event", "authz_core", "env", "http2", "proxy", "proxy_http", "proxy_http2", "proxy_wstunnel"];

/** Apache's httpd with mod_proxy_http, as Debian packs it. */
export const apache: Peer = {
  name: "Apache httpd",
  combinations,
  install: "apt-get install apache2",
  version: () => versionOf("apache2", "-v"),
  async command({ port, originPort, directory, timeout, combination: { client, origin } = HTTP1, secure }) {
    const http2 = secure === undefined ? "h2c" : "h2";
    const modules = secure === undefined ? MODULES : [...MODULES, "socache_shmcb", "ssl"];
    const file = join(directory, "apache.conf");
    await writeFile(
      file,
      `ServerRoot ${directory}
ServerName conformance.example
DefaultRuntimeDir ${directory}
PidFile ${directory}/apache.pid
ErrorLog /dev/null
Listen 127.0.0.1:${port}
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
${process.getuid?.() === 0 ? "User nobody\nGroup nogroup" : ""}
AllowEncodedSlashes NoDecode
LimitRequestFieldSize 32768
LimitRequestLine 32768
Protocols ${client === "2" ? http2 : "http/1.1"}
${secure === undefined ? "" : `SSLEngine on\nSSLCertificateFile ${secure.certFile}\nSSLCertificateKeyFile ${secure.keyFile}`}
ProxyRequests Off
ProxyTimeout ${timeout}
SetEnv proxy-sendchunked 1
ProxyPass / ${origin === "2" ? "h2c" : "http"}://127.0.0.1:${originPort}/ nocanon ${origin === "2" ? "" : "upgrade=ANY "}flushpackets=on
`,
    );
    return ["apache2", "-DFOREGROUND", "-f", file];
  },
};
