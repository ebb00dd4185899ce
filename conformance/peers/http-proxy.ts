import { Agent, createServer } from "node:http";

import httpProxy from "http-proxy";

const [port, originPort, timeout = 0, keep = 0] = process.argv.slice(2).map(Number);
const proxy = httpProxy.createProxyServer({
  target: `http://127.0.0.1:${originPort}`,
  xfwd: true,
  proxyTimeout: timeout * 1_000,
  // Left alone it opens a connection for every request.
  ...(keep === 0 ? {} : { agent: new Agent({ keepAlive: true, maxFreeSockets: keep }) }),
});

// As its documentation asks for: without a listener an error ends the process.
proxy.on("error", (_error, _req, res) => {
  if ("headersSent" in res && !res.headersSent) res.writeHead(502).end();
  else res.destroy();
});

createServer((req, res) => proxy.web(req, res))
  .on("upgrade", (req, socket, head: Buffer) => proxy.ws(req, socket, head))
  .listen(port, "127.0.0.1");
