// The origin behind the proxies: HTTP/1.1 and HTTP/2 on bare sockets, its answers made beforehand, so that it costs little
// itself. Over HTTP/1.1:
//
//   GET          the small content, in chunks, two trailers after it
//   GET /large   the large content, likewise
//   POST, PUT    takes any content in and reports whether the right trailers came after it: `kept` or `lost`
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

import { CHUNKED_FIELDS, type Content, keepsTrailers, smallContent, smallInChunks } from "./exchange.ts";
import { serveHttp2 } from "./http2-origin.ts";
import type { OriginPorts } from "./origin.ts";
import { type Message, MessageReader } from "./message-reader.ts";
import { lastChunk, sendLarge } from "./senders.ts";

const large = JSON.parse(process.argv[2] ?? "") as Content;

const HEAD = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n${CHUNKED_FIELDS}\r\n`);
const SMALL = Buffer.concat([HEAD, smallInChunks, lastChunk(smallContent)]);
const [KEPT, LOST] = ["kept", "lost"].map((text) =>
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nX-Trailers: ${text}\r\n\r\n${text}`),
) as [Buffer, Buffer];

function answer(socket: Socket, message: Message): void {
  if (message.head.startsWith("GET /large")) {
    socket.write(HEAD);
    sendLarge(socket, large);
  } else if (message.head.startsWith("GET ")) {
    socket.write(SMALL);
  } else {
    const expected = message.size === smallContent.size ? smallContent : large;
    socket.write(message.size === expected.size && keepsTrailers(message, expected) ? KEPT : LOST);
  }
}

function serveHttp1(socket: Socket): void {
  const reader = new MessageReader((message) => answer(socket, message));
  socket.on("data", (piece) => {
    try {
      reader.read(piece);
    } catch {
      socket.destroy();
    }
  });
  socket.on("error", () => socket.destroy());
}

const sockets = new Set<Socket>();
function keep(socket: Socket): void {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
}

async function listen(server: Server): Promise<number> {
  server.on("connection", keep).listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const [, , , certFile = "", keyFile = ""] = process.argv;
const secrets = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
const serve = (socket: Socket): void => serveHttp2(socket, large);
process.send!({
  http1: await listen(createServer({ noDelay: true }, serveHttp1)),
  http2: await listen(createServer({ noDelay: true }, serve)),
  http2Tls: await listen(createTlsServer({ ...secrets, ALPNProtocols: ["h2"], noDelay: true }, serve)),
} satisfies OriginPorts);
process.on("message", () => {
  for (const socket of sockets) socket.destroy();
  process.send!(true);
});
process.on("disconnect", () => process.exit());
