// Sends requests over HTTP/1.1 on bare sockets and reads every answer to its end, trailers included. A process of its own,
// told by its parent what to do, task by task.
import type { Socket } from "node:net";

import { cpuSeconds, forgetPeak, peakBytes } from "../process-usage.ts";
import { Connection, type ConnectionEvents } from "./connection.ts";
import {
  CHUNKED_FIELDS,
  type Content,
  type ExchangeName,
  keepsTrailers,
  mebibyteInChunks,
  smallContent,
  smallInChunks,
} from "./exchange.ts";
import type { LoadOutcome, LoadTask } from "./load.ts";
import type { Message } from "./message-reader.ts";

const MIB = 1024 * 1024;
const large = JSON.parse(process.argv[2] ?? "") as Content;

const FIELDS = "User-Agent: bench\r\nAccept: */*\r\nTE: trailers\r\nConnection: TE\r\n";

/** How each kind of request is sent to a port. */
const SENDERS: Readonly<Record<ExchangeName, (port: number) => (socket: Socket) => void>> = {
  "small-response": (port) => sendAll(Buffer.from(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${FIELDS}\r\n`)),
  "large-response": (port) => sendAll(Buffer.from(`GET /large HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${FIELDS}\r\n`)),
  "small-request": (port) => sendAll(Buffer.concat([uploadHead(port), smallInChunks, uploadEnd(smallContent)])),
  "large-request": (port) => (socket) => {
    socket.write(uploadHead(port));
    sendLarge(socket, 0);
  },
};

function sendAll(bytes: Buffer): (socket: Socket) => void {
  return (socket) => void socket.write(bytes);
}

function uploadHead(port: number): Buffer {
  const type = "Content-Type: application/octet-stream\r\n";
  return Buffer.from(`POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${FIELDS}${type}${CHUNKED_FIELDS}\r\n`);
}

function uploadEnd(content: Content): Buffer {
  return Buffer.from(`0\r\n${content.trailers}\r\n`);
}

function sendLarge(socket: Socket, from: number): void {
  for (let sent = from; sent < large.size; sent += MIB) {
    if (socket.write(mebibyteInChunks)) continue;
    socket.once("drain", () => sendLarge(socket, sent + MIB));
    return;
  }
  socket.write(uploadEnd(large));
}

/** Whether an answer is a good one, and whether it or what it tells of kept its trailers. */
function judge(name: ExchangeName, message: Message): "kept" | "lost" | undefined {
  if (!message.head.startsWith("HTTP/1.1 200")) return undefined;
  if (name === "small-request" || name === "large-request") {
    return /\r\nx-trailers: (kept|lost)\r\n/i.exec(message.head)?.[1] as "kept" | "lost" | undefined;
  }
  const content = name === "small-response" ? smallContent : large;
  if (message.size !== content.size) return undefined;
  return keepsTrailers(message, content) ? "kept" : "lost";
}

/** Counts the answers of a task, and what its process used meanwhile. */
class Count {
  requests = 0;
  kept = 0;
  readonly failures = new Map<string, number>();
  readonly latencies: number[] = [];
  readonly #task: LoadTask;
  #counting = false;
  #began = 0;
  #seconds = 0;
  #cpu = 0;

  constructor(task: LoadTask) {
    this.#task = task;
  }

  begin(): void {
    forgetPeak(this.#task.pid);
    this.#cpu = cpuSeconds(this.#task.pid);
    this.#began = performance.now();
    this.#counting = true;
  }

  end(): void {
    this.#counting = false;
    this.#seconds = (performance.now() - this.#began) / 1000;
    this.#cpu = cpuSeconds(this.#task.pid) - this.#cpu;
  }

  answer(message: Message): void {
    const judged = judge(this.#task.exchange, message);
    if (judged === undefined) this.fail(message.head.slice(0, message.head.indexOf("\r\n")));
    else if (this.#counting) {
      this.requests += 1;
      if (judged === "kept") this.kept += 1;
    }
  }

  /** What fails does so at any time: a subject that fails is no subject. */
  fail(reason: string): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  outcome(): LoadOutcome {
    return {
      requests: this.requests,
      kept: this.kept,
      failures: Object.fromEntries(this.failures),
      seconds: this.#seconds,
      cpu: this.#cpu,
      peak: peakBytes(this.#task.pid),
      latencies: this.latencies,
    };
  }
}

/** Each connection asks again as soon as it is answered: as much as the subject can do. */
function closedLoop(task: LoadTask): Promise<LoadOutcome> {
  const count = new Count(task);
  return new Promise((resolve) => {
    let left = task.connections;
    let over = false;
    const leave = (connection: Connection): void => {
      connection.close();
      left -= 1;
      if (left === 0) resolve(count.outcome());
    };
    const next = (connection: Connection): void => {
      const enough = task.times !== undefined && count.requests >= task.times;
      if (enough && !over) {
        over = true;
        count.end();
      }
      if (over) leave(connection);
      else connection.ask();
    };
    const events: ConnectionEvents = {
      answered(connection, message) {
        count.answer(message);
        next(connection);
      },
      broke(connection, reason) {
        count.fail(reason);
        // One that always fails would do so without end.
        if ((count.failures.get(reason) ?? 0) > task.connections) leave(connection);
        else next(connection);
      },
    };
    const send = SENDERS[task.exchange](task.port);
    const connections = Array.from({ length: task.connections }, () => new Connection(task.port, send, events));
    if (task.times !== undefined) count.begin();
    else {
      setTimeout(() => count.begin(), task.warm * 1000);
      setTimeout(
        () => {
          count.end();
          over = true;
        },
        (task.warm + task.seconds) * 1000,
      );
    }
    for (const connection of connections) connection.ask();
  });
}

process.on("message", (task: LoadTask) => {
  void closedLoop(task).then((outcome) => process.send!(outcome));
});
process.on("disconnect", () => process.exit());
