import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Readable, type Writable } from "node:stream";

import {
  type Deadline,
  Metadata,
  type MethodDefinition,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

import { until } from "./deadline.ts";

/** What a gRPC service saw of one call. */
export interface SeenCall {
  readonly method: GrpcMethod;
  readonly metadata: Metadata;
  /** When it has to be answered, in milliseconds since 1970; `Infinity` where the client set no limit. */
  readonly deadline: number;
  /** How many messages it has handed to its stream so far. */
  sent: number;
  /** `cancelled` is an end that came before an answer. */
  end: "none yet" | "answered" | "cancelled";
}

/** A gRPC service that listens. */
export interface GrpcService {
  /** `http://127.0.0.1:<port>`, or `https:`. */
  readonly origin: string;
  /** Every call, in the order in which they came. */
  readonly calls: readonly SeenCall[];
  /** How many connections are open now. */
  connections(): number;
  /** Bytes that have come on all connections, those of HTTP/2 and of TLS included. */
  bytesReceived(): number;
  /** Breaks every connection, as the death of its process does. New ones are taken. */
  breakConnections(): void;
  /** Takes nothing new and waits until every client has gone. Rejects when one stays. */
  stop(): Promise<void>;
}

/** Settings of {@link startGrpcService}. */
export interface GrpcServiceOptions {
  /** A key and its certificate, PEM: then TLS is spoken. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  /** How many calls a client may have open on one connection. Default 100. */
  readonly maxConcurrentStreams?: number | undefined;
}

const bytes = {
  requestSerialize: (message: Buffer) => message,
  requestDeserialize: (message: Buffer) => message,
  responseSerialize: (message: Buffer) => message,
  responseDeserialize: (message: Buffer) => message,
};

const method = (name: string, requestStream: boolean, responseStream: boolean): MethodDefinition<Buffer, Buffer> => ({
  path: `/trailsum.Peer/${name}`,
  requestStream,
  responseStream,
  ...bytes,
});

/**
 * What the service can do. Messages are bytes. Of the metadata of a request, what is called `initial-...` comes back as
 * initial metadata, and `trailing-...` as trailing.
 */
export const grpcMethods = {
  /** Answers with the message. */
  echo: method("Echo", false, false),
  /** Sends as many messages of as many bytes as `{ count, size }` says, no faster than they are taken. Each begins with its number. */
  count: method("Count", false, true),
  /** Answers with `{ count, md5 }` of all messages. */
  collect: method("Collect", true, false),
  /** Answers each message with itself, at once. */
  pingPong: method("PingPong", true, true),
  /** Answers with the status that `{ code, details }` says, after as many messages as `after` says. */
  refuse: method("Refuse", false, true),
  /** Answers the first message with OUT_OF_RANGE, whatever else is in transit. */
  interrupt: method("Interrupt", true, false),
  /** Answers never. */
  hang: method("Hang", true, true),
  /** Is known to clients, and not to the service. */
  nothing: method("Nothing", false, false),
} as const;

/** The name of one of them. */
export type GrpcMethod = keyof typeof grpcMethods;

/** What calls of every kind have. */
interface Call {
  readonly metadata: Metadata;
  getDeadline(): Deadline;
  sendMetadata(metadata: Metadata): void;
  on(event: "cancelled", listener: () => void): unknown;
}

/** Starts a service on a free port of 127.0.0.1. */
export async function startGrpcService(options: GrpcServiceOptions = {}): Promise<GrpcService> {
  const { tls, maxConcurrentStreams = 100 } = options;
  const calls: SeenCall[] = [];
  const server = new Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_concurrent_streams": maxConcurrentStreams,
  });
  server.addService(grpcMethods, implementation(calls));
  const injector = server.createConnectionInjector(
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) }]),
  );
  const open = new Set<Socket>();
  let received = 0;
  // Its connections are taken here, so that they can be counted and broken.
  const listener = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      received += socket.bytesRead;
    });
    injector.injectConnection(socket);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  return {
    origin: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    calls,
    connections: () => open.size,
    bytesReceived: () => [...open].reduce((sum, socket) => sum + socket.bytesRead, received),
    breakConnections() {
      for (const socket of open) socket.resetAndDestroy();
    },
    async stop() {
      const closed = new Promise((resolve) => listener.close(resolve));
      try {
        await until(
          () => open.size === 0,
          () => `${open.size} connection(s) to the gRPC service were left open`,
        );
      } finally {
        for (const socket of open) socket.destroy();
        server.forceShutdown();
        await closed;
      }
    },
  };
}

function implementation(
  calls: SeenCall[],
): UntypedServiceImplementation & Record<Exclude<GrpcMethod, "nothing">, unknown> {
  const begin = (name: GrpcMethod, call: Call): SeenCall => {
    const deadline = Number(call.getDeadline());
    const seen: SeenCall = { method: name, metadata: call.metadata, deadline, sent: 0, end: "none yet" };
    calls.push(seen);
    // Emitted of every call that is over.
    call.on("cancelled", () => {
      if (seen.end === "none yet") seen.end = "cancelled";
    });
    const initial = echoed(call.metadata, "initial-");
    if (Object.keys(initial.getMap()).length > 0) call.sendMetadata(initial);
    return seen;
  };

  return {
    echo(call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
      const seen = begin("echo", call);
      seen.end = "answered";
      answer(null, call.request, echoed(call.metadata, "trailing-"));
    },

    count(call: ServerWritableStream<Buffer, Buffer>) {
      const seen = begin("count", call);
      const { count, size } = JSON.parse(call.request.toString()) as { count: number; size: number };
      const messages = Readable.from(numbered(seen, count, size), { highWaterMark: 1 });
      messages.on("end", () => {
        seen.end = "answered";
        call.end(echoed(call.metadata, "trailing-"));
      });
      call.on("cancelled", () => messages.destroy());
      relay(messages, call);
    },

    collect(call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
      const seen = begin("collect", call);
      const md5 = createHash("md5");
      let count = 0;
      call.on("data", (message: Buffer) => {
        count += 1;
        md5.update(message);
      });
      call.on("end", () => {
        if (seen.end === "cancelled") return;
        seen.end = "answered";
        const answered = Buffer.from(JSON.stringify({ count, md5: md5.digest("hex") }));
        answer(null, answered, echoed(call.metadata, "trailing-"));
      });
    },

    pingPong(call: ServerDuplexStream<Buffer, Buffer>) {
      const seen = begin("pingPong", call);
      call.on("data", () => (seen.sent += 1));
      call.on("end", () => {
        if (seen.end === "cancelled") return;
        seen.end = "answered";
        call.end(echoed(call.metadata, "trailing-"));
      });
      relay(call, call);
    },

    refuse(call: ServerWritableStream<Buffer, Buffer>) {
      const seen = begin("refuse", call);
      const { code, details, after } = JSON.parse(call.request.toString()) as GrpcRefusal;
      for (; seen.sent < after; seen.sent += 1) call.write(Buffer.from(`message ${seen.sent}`));
      seen.end = "answered";
      call.emit("error", { code, details, metadata: echoed(call.metadata, "trailing-") });
    },

    interrupt(call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
      const seen = begin("interrupt", call);
      call.once("data", () => {
        seen.end = "answered";
        answer({ code: status.OUT_OF_RANGE, details: "enough" });
      });
    },

    hang(call: ServerDuplexStream<Buffer, Buffer>) {
      begin("hang", call);
      call.resume();
    },
  };
}

/** Hands messages on no faster than they are taken, and leaves it to others to say that it was the last. */
function relay(messages: Readable, stream: Writable): void {
  messages.pipe(stream, { end: false });
}

function* numbered(seen: SeenCall, count: number, size: number): Generator<Buffer> {
  for (; seen.sent < count; seen.sent += 1) {
    const message = Buffer.alloc(Math.max(size, 4));
    message.writeUInt32BE(seen.sent);
    yield message;
  }
}

/** What `refuse` is asked for. */
export interface GrpcRefusal {
  readonly code: number;
  readonly details: string;
  /** How many messages come first. */
  readonly after: number;
}

/** The fields whose names begin with `prefix`, under the rest of their names. */
function echoed(metadata: Metadata, prefix: string): Metadata {
  const found = new Metadata();
  for (const name of Object.keys(metadata.getMap())) {
    if (!name.startsWith(prefix)) continue;
    for (const value of metadata.get(name)) found.add(name.slice(prefix.length), value);
  }
  return found;
}
