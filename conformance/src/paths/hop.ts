import type { CertificateFiles, Peer } from "../peers/peer.ts";
import { PeerProcess } from "../peers/run-peer.ts";
import type { CommandOptions } from "./command.ts";
import type { Loopback } from "./loopback.ts";

/** What stands between a client and a server, or the next hop. */
export interface Hop {
  readonly name: string;
  /** Its version; undefined if it is not on this machine. */
  version(): Promise<string | undefined>;
  /** Starts it towards `next`, a port of 127.0.0.1 where HTTP/1.1 is spoken in cleartext. */
  start(next: number, entrance: Entrance, place: CommandOptions): Promise<Loopback>;
}

/** What a hop speaks with its clients: HTTP/1.1 in cleartext, or HTTP/2 over TLS. */
export type Entrance = { readonly version: "1.1" } | { readonly version: "2"; readonly secure: CertificateFiles };

/** Longer than a large upload takes anywhere. Seconds. */
const TIMEOUT = 60;

/** Software of others as a hop: as it is by default, or configured to stream where it does not by default. */
export function peerHop(peer: Peer, { buffered = false } = {}): Hop {
  return {
    name: peer.name,
    version: () => peer.version(),
    async start(next, entrance) {
      const combination = { client: entrance.version, origin: "1.1" } as const;
      const secure = entrance.version === "2" ? entrance.secure : undefined;
      const running = await PeerProcess.start(peer, next, { timeout: TIMEOUT, combination, secure, buffered });
      return { port: running.port, stop: () => running.stop() };
    },
  };
}
