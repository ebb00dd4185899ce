import { open } from "node:fs/promises";
import { connect } from "node:net";
import { once } from "node:events";

// Sends a file as fast as it can be read, with a digest that it is given and does not compute: what is left is the server.
const [file = "", url = "", md5 = ""] = process.argv.slice(2);
const BLOCK = 1024 * 1024;

const { hostname, port, pathname } = new URL(url);
const socket = connect({ host: hostname, port: Number(port) });
const content = await open(file);
socket.write(`PUT ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nTrailer: Md5\r\nTransfer-Encoding: chunked\r\n\r\n`);
const blocks = [Buffer.alloc(BLOCK), Buffer.alloc(BLOCK)];
let next = content.read(blocks[0]!, 0, BLOCK, null);
for (let turn = 1; ; turn += 1) {
  const { bytesRead, buffer } = await next;
  if (bytesRead === 0) break;
  next = content.read(blocks[turn % 2]!, 0, BLOCK, null);
  socket.cork();
  socket.write(`${bytesRead.toString(16)}\r\n`);
  socket.write(buffer.subarray(0, bytesRead));
  const sent = new Promise<void>((resolve) => socket.write("\r\n", () => resolve()));
  socket.uncork();
  await sent;
}
socket.write(`0\r\nMd5: ${md5}\r\n\r\n`);
const [answer] = (await once(socket, "data")) as [Buffer];
if (!/^HTTP\/1\.1 20[01] /.test(answer.toString())) throw new Error(answer.toString());
process.stdout.write(`${md5}\n`);
socket.destroy();
await content.close();
