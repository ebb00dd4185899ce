/**
 * A process of its own, started with --expose-gc: ten thousand exchanges of every kind through one proxy, and what is
 * left of them afterwards, as JSON on stdout. `leaks.test.ts` reads it.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

import { TrailerAgent } from "@trailsum/client";

import { createReverseProxy } from "../src/index.ts";

const open = new Set<Socket>();
/** How many exchanges have ended. */
const ended = { count: 0 };

const origin = createServer((req, res) => {
  req.on("error", () => {});
  const act = { "/reset": reset, "/cut": cut, "/early": early, "/endless": endless }[req.url ?? ""] ?? echo;
  act(req, res);
});
origin.on("upgrade", (req, socket, head) => {
  socket.on("error", () => {});
  if (req.url === "/refused") socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  else {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    if (head.length > 0) socket.unshift(head);
    socket.pipe(socket);
  }
});

function echo(req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(200);
  req.on("data", (piece) => res.write(piece));
  req.on("end", () => {
    res.addTrailers([["X-T", String(req.trailers["x-t"])]]);
    res.end("end");
  });
}

const reset = (req: IncomingMessage): void => void req.socket.resetAndDestroy();

function cut(req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(200, { "Content-Length": 100 });
  res.write("begin", () => req.socket.end());
}

function early(_req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(413, { "Content-Length": 0 }).end();
}

function endless(_req: IncomingMessage, res: ServerResponse): void {
  res.on("error", () => {}).write(Buffer.alloc(65_536));
}

await once(origin.listen(0, "127.0.0.1"), "listening");
const proxy = createReverseProxy({
  target: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
  verify: "enforce",
  onExchange: () => void (ended.count += 1),
});
const server = createServer((req, res) => void proxy(req, res));
server.on("upgrade", (req, socket, head) => void proxy.upgrade(req, socket, head));
for (const each of [origin, server]) {
  each.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
}
await once(server.listen(0, "127.0.0.1"), "listening");
const { port } = server.address() as AddressInfo;
const url = `http://127.0.0.1:${port}`;
const client = new TrailerAgent();

/** A request that is well. */
async function request(method: string, path: string, body?: string, trailers?: Record<string, string>): Promise<void> {
  const response = await client.request({ origin: url, path, method, body: body ?? null, trailers });
  await response.body.dump();
}

/** Writes this, waits for `until`, and then ends the connection in one of two ways. */
async function raw(text: string, until: string, end: "reset" | "end"): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  let received = "";
  const seen = new Promise<void>((resolve) => {
    socket.on("data", (piece) => {
      received += piece.toString("latin1", 0, 1_000);
      if (received.includes(until)) resolve();
    });
    socket.on("close", () => resolve());
  });
  socket.write(text);
  await seen;
  const closed = new Promise((resolve) => (socket.destroyed ? resolve(undefined) : socket.once("close", resolve)));
  if (end === "reset") socket.resetAndDestroy();
  else socket.end();
  await closed;
}

const upload = (path: string, body: string): string => `POST ${path} HTTP/1.1\r\nHost: a\r\n${body}`;
const upgrade = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n`;

// How often in a hundred, and what.
const KINDS: readonly (readonly [number, () => Promise<void>])[] = [
  [40, () => request("GET", "/")],
  [20, () => request("POST", "/", "body", { "X-T": "trailer" })],
  [5, () => request("PUT", "/", "body", { Md5: "00000000000000000000000000000000" })],
  [5, () => request("HEAD", "/")],
  [5, () => request("GET", "/reset")],
  [4, () => request("GET", "/cut").catch(() => {})],
  [5, () => raw(upload("/", "Content-Length: 100\r\n\r\nhalf"), "half", "reset")],
  [3, () => raw(upload("/early", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), "413", "reset")],
  [5, () => raw("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n", "reset")],
  [4, () => raw(upgrade("/"), "101", "reset")],
  [3, () => raw(`${upgrade("/")}early`, "early", "end")],
  [1, () => raw(upgrade("/refused"), "403", "end")],
];

/** So many exchanges, thirty at a time. */
async function run(count: number): Promise<void> {
  const plan = KINDS.flatMap(([share, kind]) => Array.from({ length: share }, () => kind));
  const target = ended.count + count;
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < count) {
      const kind = plan[(begun * 37) % plan.length]!;
      begun += 1;
      await kind();
    }
  };
  await Promise.all(Array.from({ length: 30 }, worker));
  while (ended.count < target) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What there is when nothing is going on. */
async function left(): Promise<object> {
  server.closeIdleConnections();
  origin.closeIdleConnections();
  for (let turn = 0; turn < 400 && open.size > 0; turn += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc!();
  }
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  const listeners = [server, origin, process, client].map((emitter) =>
    emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0),
  );
  return { connections: open.size, resources, listeners, heap: process.memoryUsage().heapUsed };
}

process.on("warning", (warning) => {
  throw warning;
});
await run(1_000);
const before = await left();
const from = ended.count;
await run(10_000);
const after = await left();
await Promise.all([client.close(), proxy.close()]);
server.close();
origin.close();
console.log(JSON.stringify({ before, after, recorded: ended.count - from }));
