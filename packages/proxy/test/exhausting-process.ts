/**
 * A process of its own, started with --expose-gc: thousands of exchanges of every kind through one proxy, and what is left
 * of them afterwards, as JSON on stdout. The arguments say what listens, the proxy's `own` server or one of node:http that
 * it is `mounted` in, and how many exchanges there are. `leaks.test.ts` reads it.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";

import { TrailerAgent } from "@trailsum/client";

import { createProxyServer, createReverseProxy, type ReverseProxyOptions } from "../src/index.ts";

const PIECE = Buffer.alloc(65_536);
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
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
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
  res.on("error", () => {}).write(PIECE);
}

await once(origin.listen(0, "127.0.0.1"), "listening");
const isOwn = process.argv[2] === "own";
const { port, close } = await (isOwn ? own : mounted)({
  target: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
  verify: "enforce",
  onExchange: () => void (ended.count += 1),
});
const url = `http://127.0.0.1:${port}`;

/** Two clients, of which one speaks HTTP/2 where that is spoken; new ones once all connections were closed. */
let [first, second] = clients();

function clients(): [TrailerAgent, TrailerAgent] {
  return [new TrailerAgent(), new TrailerAgent({ useH2c: isOwn })];
}

interface Front {
  readonly port: number;
  readonly close: () => Promise<unknown>;
}

async function own(options: ReverseProxyOptions): Promise<Front> {
  const server = createProxyServer({ ...options, listen: { port: 0 } });
  return { port: (await server.listen()).port, close: () => server.close() };
}

async function mounted(options: ReverseProxyOptions): Promise<Front> {
  const proxy = createReverseProxy(options);
  const server = createServer((req, res) => void proxy(req, res));
  server.on("upgrade", (req, socket, head) => void proxy.upgrade(req, socket, head));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () => Promise.all([proxy.close(), new Promise((resolve) => server.close(resolve))]),
  };
}

/** A request that is well, and its answer read to the end. */
async function request(client: TrailerAgent, method: string, path: string, body?: string): Promise<void> {
  // The origin says what the proxy finds out about the other one.
  const trailers = { "X-T": "trailer", ...(method === "PUT" && { Md5: "00000000000000000000000000000000" }) };
  const response = await client.request({
    origin: url,
    path,
    method,
    body: body ?? null,
    ...(body !== undefined && { trailers }),
  });
  await response.body.dump();
}

/** A request whose answer is given up when it has begun. */
async function abandon(client: TrailerAgent): Promise<void> {
  const { body } = await client.request({ origin: url, path: "/endless", method: "GET" });
  const closed = new Promise((resolve) => body.on("error", () => {}).once("close", resolve));
  body.destroy();
  await closed;
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
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`;

// How often in a hundred, and what.
const KINDS: readonly (readonly [number, () => Promise<void>])[] = [
  [25, () => request(first, "GET", "/")],
  [15, () => request(second, "GET", "/")],
  [12, () => request(first, "POST", "/", "body")],
  [8, () => request(second, "POST", "/", "body")],
  [3, () => request(first, "PUT", "/", "body")],
  [2, () => request(second, "PUT", "/", "body")],
  [3, () => request(first, "HEAD", "/")],
  [2, () => request(second, "HEAD", "/")],
  [3, () => request(first, "GET", "/reset")],
  [2, () => request(second, "GET", "/reset")],
  [2, () => request(first, "GET", "/cut").catch(() => {})],
  [2, () => request(second, "GET", "/cut").catch(() => {})],
  [3, () => abandon(second)],
  [4, () => raw(upload("/", "Content-Length: 100\r\n\r\nhalf"), "half", "reset")],
  [3, () => raw(upload("/early", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), "413", "reset")],
  [3, () => raw("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n", "reset")],
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

/** The resources of the process that are in use, and how many of each. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** What there is when nothing is going on. */
async function left(): Promise<object> {
  await Promise.all([first.close(), second.close()]);
  [first, second] = clients();
  for (let turn = 0; turn < 400 && "TCPSocketWrap" in resources(); turn += 1) {
    // Those from the proxy, too.
    origin.closeIdleConnections();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc!();
  }
  const listeners = [origin, process].map((emitter) =>
    emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0),
  );
  return { resources: resources(), listeners, heap: process.memoryUsage().heapUsed };
}

process.on("warning", (warning) => {
  throw warning;
});
await run(1_000);
const before = await left();
const from = ended.count;
await run(Number(process.argv[3]));
const after = await left();
await Promise.all([first.close(), second.close(), close()]);
origin.close();
console.log(JSON.stringify({ before, after, recorded: ended.count - from }));
