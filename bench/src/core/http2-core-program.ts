// Processor time of a unary call of gRPC from core to core: two sessions of packages/http in one process, without sockets.
//
//   node bench/src/core/http2-core-program.ts [calls]
import {
  ClientSession,
  type ClientStream,
  type ResponseHandler,
  ServerSession,
  type Session,
  type StreamHandler,
} from "@trailsum/http/http2";
import { FieldLines } from "@trailsum/shared";

const calls = Number(process.argv[2] ?? 200_000);

const requestFields = FieldLines.fromRaw([
  "te",
  "trailers",
  "content-type",
  "application/grpc",
  "user-agent",
  "bench/1",
]);
const responseFields = FieldLines.fromRaw([
  "content-type",
  "application/grpc",
  "date",
  "Mon, 30 Nov 2026 12:00:00 GMT",
]);
const trailers = FieldLines.fromRaw(["grpc-status", "0", "grpc-message", ""]);
const message = Buffer.from([0, 0, 0, 0, 5, 1, 2, 3, 4, 5]);
const control = { method: "POST", scheme: "http", authority: "127.0.0.1:50051", path: "/bench.Echo/Unary" };

const ignore = {
  onOutput: () => {},
  onSettings: () => {},
  onGoaway: () => {},
  onPong: () => {},
  onStreamClosed: () => {},
  onClosed: () => {},
};

let completed = 0;

const server: ServerSession = new ServerSession({
  ...ignore,
  onRequest(stream): StreamHandler {
    return {
      onData(piece, endStream) {
        stream.consume(piece.length);
        if (!endStream) return;
        stream.respond(200, responseFields);
        stream.send(message);
        stream.sendTrailers(trailers);
      },
      onTrailers: () => {},
      onWritable: () => {},
      onReset: () => {},
    };
  },
});
const client = new ClientSession(ignore);

class Call implements ResponseHandler {
  stream: ClientStream | undefined;

  onInterim(): void {}
  onResponse(): void {}
  onData(piece: Buffer): void {
    this.stream?.consume(piece.length);
  }
  onTrailers(): void {
    completed += 1;
  }
  onWritable(): void {}
  onReset(): void {}
}

function carry(from: Session, to: Session): void {
  for (const part of from.takeOutput()) to.receive(part);
}

/** So many calls are under way at a time. */
const CONCURRENT = 16;

function run(count: number): void {
  for (let done = 0; done < count; done += CONCURRENT) {
    for (let index = 0; index < CONCURRENT; index += 1) {
      const call = new Call();
      const stream = client.request({ ...control, protocol: undefined, fields: requestFields }, call);
      call.stream = stream;
      stream.send(message, true);
    }
    carry(client, server);
    carry(server, client);
  }
}

client.start();
server.start();
carry(client, server);
carry(server, client);
run(20_000);
completed = 0;
const before = process.cpuUsage();
run(calls);
const { user, system } = process.cpuUsage(before);
console.log(`${((user + system) / completed).toFixed(2)} us of processor time per call, over ${completed} calls`);
