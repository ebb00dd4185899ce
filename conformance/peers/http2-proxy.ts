import { Agent, createServer } from "node:http";
import type { Socket } from "node:net";

import proxy from "http2-proxy";

const [port, originPort = 0, timeout = 0, keep = 0] = process.argv.slice(2).map(Number);
const target = {
  hostname: "127.0.0.1",
  port: originPort,
  proxyTimeout: timeout * 1_000,
  ...(keep === 0 ? {} : { agent: new Agent({ keepAlive: true, maxFreeSockets: keep }) }),
};

createServer((req, res) => {
  void proxy.web(req, res, target, (error) => {
    if (error === null || error === undefined) return;
    const { statusCode = 502 } = error as Error & { statusCode?: number };
    if (res.headersSent) res.destroy();
    else res.writeHead(statusCode).end();
  });
})
  .on("upgrade", (req, socket, head: Buffer) => {
    void proxy.ws(req, socket as Socket, head, target, (error) => {
      if (error) socket.destroy();
    });
  })
  .listen(port, "127.0.0.1");
