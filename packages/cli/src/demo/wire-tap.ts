import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { pipeline, Transform } from "node:stream";

/** A hop between a client and a server, that sees every byte of both directions and may change those of the client. */
export interface WireTap {
  /** Where to connect to in place of the server. */
  readonly origin: string;
  /** What the client has sent in its latest request: the first bytes and the last ones. */
  sent(): WireRecord;
  /** What it has been answered. */
  received(): WireRecord;
  close(): Promise<void>;
}

/** The two ends of what was seen, as latin1 text, and how much there was. */
export interface WireRecord {
  readonly first: string;
  readonly last: string;
  readonly bytes: number;
}

const NOTHING: WireRecord = { first: "", last: "", bytes: 0 };

/** Enough for a head and a trailer section. Bytes. */
const KEPT = 2048;

/**
 * Starts a tap in front of `target` on a free port. `alter` is given each piece that the client sends, with the number
 * of bytes before it, and may change it in place.
 */
export async function startWireTap(target: URL, alter?: (piece: Buffer, offset: number) => void): Promise<WireTap> {
  let sent = NOTHING;
  let received = NOTHING;
  const open = new Set<Socket>();

  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port), allowHalfOpen: true });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    }
    sent = received = NOTHING;
    const outward = passing((piece) => {
      // After an answer another request begins.
      if (received.bytes > 0) sent = received = NOTHING;
      alter?.(piece, sent.bytes);
      sent = seen(sent, piece);
    });
    const inward = passing((piece) => {
      received = seen(received, piece);
    });
    // Either end may close at any time; the other end is closed too.
    pipeline(client, outward, upstream, () => {});
    pipeline(upstream, inward, client, () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: () => sent,
    received: () => received,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function passing(watch: (piece: Buffer) => void): Transform {
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      watch(piece);
      done(null, piece);
    },
  });
}

function seen({ first, last, bytes }: WireRecord, piece: Buffer): WireRecord {
  return {
    first: first.length < KEPT ? (first + piece.toString("latin1", 0, KEPT)).slice(0, KEPT) : first,
    last: (last + piece.subarray(-KEPT).toString("latin1")).slice(-KEPT),
    bytes: bytes + piece.length,
  };
}
