import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { pipeline, Transform } from "node:stream";

/** A hop between a client and a server, that sees every byte of one direction and may change it. */
export interface WireTap {
  /** Where to connect to in place of the server. */
  readonly origin: string;
  /** What the client has sent on its latest connection: the first bytes and the last ones. */
  sent(): WireRecord;
  close(): Promise<void>;
}

/** The two ends of what was seen, as latin1 text, and how much there was. */
export interface WireRecord {
  readonly first: string;
  readonly last: string;
  readonly bytes: number;
}

/** Enough for a head and a trailer section. Bytes. */
const KEPT = 2048;

/**
 * Starts a tap in front of `target` on a free port. `alter` is given each piece that the client sends, with the number
 * of bytes before it, and may change it in place.
 */
export async function startWireTap(target: URL, alter?: (piece: Buffer, offset: number) => void): Promise<WireTap> {
  let record: WireRecord = { first: "", last: "", bytes: 0 };
  const open = new Set<Socket>();

  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port), allowHalfOpen: true });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    }
    record = { first: "", last: "", bytes: 0 };
    const watch = new Transform({
      transform(piece: Buffer, _encoding, done) {
        alter?.(piece, record.bytes);
        record = seen(record, piece);
        done(null, piece);
      },
    });
    // Either end may hang up at any time; the other one learns of it, and nobody else has to.
    pipeline(client, watch, upstream, () => {});
    pipeline(upstream, client, () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: () => record,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function seen({ first, last, bytes }: WireRecord, piece: Buffer): WireRecord {
  return {
    first: first.length < KEPT ? (first + piece.toString("latin1", 0, KEPT)).slice(0, KEPT) : first,
    last: (last + piece.subarray(-KEPT).toString("latin1")).slice(-KEPT),
    bytes: bytes + piece.length,
  };
}
