import { Agent, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { Socket } from "node:net";

import proxy from "http2-proxy";

const [port, originPort = 0, timeout = 0, keep = 0] = process.argv.slice(2).map(Number);
const target = {
  hostname: "127.0.0.1",
  port: originPort,
  proxyTimeout: timeout * 1_000,
  ...(keep === 0 ? {} : { agent: new Agent({ keepAlive: true, maxFreeSockets: keep }) }),
};

function web(req: IncomingMessage, res: ServerResponse): void {
  void proxy.web(req, res, target, (error) => {
    if (error === null || error === undefined) return;
    const { statusCode = 502 } = error as Error & { statusCode?: number };
    if (res.headersSent) res.destroy();
    else res.writeHead(statusCode).end();
  });
}

const [client] = process.argv.slice(6);
const server =
  client === "2"
    ? createHttp2Server((req, res) => web(req as never, res as never))
    : createServer(web).on("upgrade", (req, socket, head: Buffer) => {
        void proxy.ws(req, socket as Socket, head, target, (error) => {
          if (error) socket.destroy();
        });
      });
server.listen(port, "127.0.0.1");
