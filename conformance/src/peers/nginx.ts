import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type Combination, HTTP1 } from "../combination.ts";
import { type Peer, versionOf } from "./peer.ts";

const HTTP2_CLIENTS: Combination = { client: "2", origin: "1.1" };

/** nginx, configured to stream in both directions and to change as little as it can. */
export const nginx: Peer = {
  name: "nginx",
  combinations: [HTTP1, HTTP2_CLIENTS],
  install: "apt-get install nginx",
  version: () => versionOf("nginx", "-v"),
  async command({
    port,
    originPort,
    directory,
    timeout,
    keep = 16,
    combination: { client } = HTTP1,
    secure,
    buffered,
  }) {
    const file = join(directory, "nginx.conf");
    await writeFile(
      file,
      `daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log /dev/null;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  client_max_body_size 0;
  large_client_header_buffers 8 32k;
  underscores_in_headers on;
  merge_slashes off;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream origin { server 127.0.0.1:${originPort}; keepalive ${keep}; }
  server {
    listen 127.0.0.1:${port}${secure === undefined ? "" : " ssl"}${client === "2" ? " http2" : ""};
    ${secure === undefined ? "" : `ssl_certificate ${secure.certFile}; ssl_certificate_key ${secure.keyFile};`}
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_pass_header Date;
      proxy_pass_header Server;
      ${buffered === true ? "" : "proxy_request_buffering off; proxy_buffering off;"}
      proxy_buffer_size 64k;
      proxy_buffers 8 64k;
      proxy_read_timeout ${timeout}s;
      proxy_next_upstream off;
    }
  }
}
`,
    );
    return ["nginx", "-e", "/dev/null", "-p", directory, "-c", file];
  },
};
