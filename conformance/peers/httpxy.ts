import { Agent, createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { Socket } from "node:net";

import { createProxyServer } from "httpxy";

const [port, originPort, timeout = 0, keep = 0] = process.argv.slice(2).map(Number);
const proxy = createProxyServer({
  target: `http://127.0.0.1:${originPort}`,
  xfwd: true,
  proxyTimeout: timeout * 1_000,
  ...(keep === 0 ? {} : { agent: new Agent({ keepAlive: true, maxFreeSockets: keep }) }),
});

proxy.on("error", (_error, _req, res) => {
  if (res !== undefined && "headersSent" in res && !res.headersSent) res.writeHead(502).end();
  else res?.destroy();
});

const [client] = process.argv.slice(6);
const server =
  client === "2"
    ? createHttp2Server((req, res) => {
        proxy.web(req as never, res as never).catch(() => res.destroy());
      })
    : createServer((req, res) => {
        proxy.web(req, res).catch(() => res.destroy());
      }).on("upgrade", (req, socket, head: Buffer) => {
        proxy.ws(req, socket as Socket, {}, head).catch(() => socket.destroy());
      });
server.listen(port, "127.0.0.1");
