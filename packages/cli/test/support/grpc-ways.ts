import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { certificate, type RunningTrailsum, startTrailsum } from "@trailsum/testkit";
import { GrpcClient, type GrpcClientOptions } from "@trailsum/testkit/grpc-client";
import { type GrpcService, startGrpcService } from "@trailsum/testkit/grpc-service";

/** How a gRPC client gets to its service. */
export interface GrpcWay {
  readonly name: string;
  /** What the client speaks, and what the service. */
  readonly client: "cleartext" | "TLS";
  readonly service: "cleartext" | "TLS";
  /** Whether `trailsum proxy` stands in between. */
  readonly proxied: boolean;
}

/** What is said of the first has to hold of the others. */
export const grpcWays: readonly GrpcWay[] = [
  { name: "directly", client: "cleartext", service: "cleartext", proxied: false },
  { name: "through trailsum proxy, in cleartext", client: "cleartext", service: "cleartext", proxied: true },
  { name: "through trailsum proxy, over TLS on both sides", client: "TLS", service: "TLS", proxied: true },
];

/** A way that is open, for all the tests of a file. */
export interface OpenGrpcWay {
  readonly service: GrpcService;
  /** Where clients go: to the service, or to the proxy. */
  readonly origin: string;
  /** The one client that most tests share. */
  readonly client: GrpcClient;
  readonly proxy: RunningTrailsum | undefined;
  /** Another client, on a connection of its own. */
  connect(options?: GrpcClientOptions): GrpcClient;
  /** Stops everything, and rejects when a connection is left over or the proxy has come to harm. */
  close(): Promise<void>;
}

/** Starts the service and, where the way says so, the proxy. */
export async function openGrpcWay(way: GrpcWay): Promise<OpenGrpcWay> {
  const tls = await certificate();
  const service = await startGrpcService({ tls: way.service === "TLS" ? tls : undefined });
  const ends: (() => Promise<void>)[] = [];
  const proxy = way.proxied ? await startProxy(way, service.origin, (end) => ends.unshift(end)) : undefined;
  const origin = proxy?.url ?? service.origin;
  const clients: GrpcClient[] = [];
  const connect = (options: GrpcClientOptions = {}): GrpcClient => {
    const client = new GrpcClient(origin, { ca: tls.cert, ...options });
    clients.push(client);
    return client;
  };
  return {
    service,
    origin,
    client: connect(),
    proxy,
    connect,
    async close() {
      for (const client of clients) client.close();
      const stopped = await proxy?.stop();
      for (const end of ends) await end();
      await service.stop();
      if (stopped !== undefined && stopped.exitCode !== 0) throw new Error(`the proxy ended badly: ${stopped.stderr}`);
    },
  };
}

async function startProxy(
  way: GrpcWay,
  origin: string,
  atEnd: (end: () => Promise<void>) => void,
): Promise<RunningTrailsum> {
  const directory = await mkdtemp(join(tmpdir(), "trailsum-test-"));
  atEnd(() => rm(directory, { recursive: true }));
  const { key, cert } = await certificate();
  const [keyFile, certFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  await Promise.all([writeFile(keyFile, key, { mode: 0o600 }), writeFile(certFile, cert)]);
  const listening = way.client === "TLS" ? ["--tls-cert", certFile, "--tls-key", keyFile] : [];
  // Over TLS the two agree on HTTP/2 themselves.
  const reaching = way.service === "TLS" ? [] : ["--origin-http2"];
  return startTrailsum(["proxy", origin, "--port", "0", ...listening, ...reaching], {
    env: { NODE_EXTRA_CA_CERTS: certFile },
    atEnd,
  });
}
