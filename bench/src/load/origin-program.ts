// The origin behind the proxies: HTTP/1.1 on bare sockets, its answers made beforehand, so that it costs little itself.
//
//   GET          the small content, in chunks, two trailers behind it
//   GET /large   the large content, likewise
//   POST, PUT    takes any content in and answers whether the right trailers came behind it: `kept` or `lost`
import { type AddressInfo, createServer, type Socket } from "node:net";

import {
  CHUNKED_FIELDS,
  type Content,
  keepsTrailers,
  mebibyteInChunks,
  smallContent,
  smallInChunks,
} from "./exchange.ts";
import { type Message, MessageReader } from "./message-reader.ts";

const MIB = 1024 * 1024;
const large = JSON.parse(process.argv[2] ?? "") as Content;

const HEAD = `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n${CHUNKED_FIELDS}\r\n`;
const SMALL = Buffer.concat([Buffer.from(HEAD), smallInChunks, end(smallContent)]);
const ANSWERS = Object.fromEntries(
  ["kept", "lost"].map((text) => [
    text,
    Buffer.from(
      `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nX-Trailers: ${text}\r\n\r\n${text}`,
    ),
  ]),
);

function end(content: Content): Buffer {
  return Buffer.from(`0\r\n${content.trailers}\r\n`);
}

function answer(socket: Socket, message: Message): void {
  const { head, size } = message;
  if (head.startsWith("GET /large")) sendLarge(socket, 0);
  else if (head.startsWith("GET ")) socket.write(SMALL);
  else {
    const expected = size === smallContent.size ? smallContent : large;
    socket.write(ANSWERS[size === expected.size && keepsTrailers(message, expected) ? "kept" : "lost"]!);
  }
}

function sendLarge(socket: Socket, from: number): void {
  if (from === 0) socket.write(HEAD, "latin1");
  for (let sent = from; sent < large.size; sent += MIB) {
    if (socket.write(mebibyteInChunks)) continue;
    socket.once("drain", () => sendLarge(socket, sent + MIB));
    return;
  }
  socket.write(end(large));
}

const server = createServer({ noDelay: true }, (socket) => {
  const reader = new MessageReader((message) => answer(socket, message));
  socket.on("data", (piece) => {
    try {
      reader.read(piece);
    } catch {
      socket.destroy();
    }
  });
  socket.on("error", () => socket.destroy());
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  process.send!((server.address() as AddressInfo).port);
});
process.on("disconnect", () => process.exit());
