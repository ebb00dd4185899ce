import { certificate, type RunningTrailsum, startTrailsum } from "@trailsum/testkit";
import { GrpcClient, type GrpcClientOptions } from "@trailsum/testkit/grpc-client";
import { type GrpcService, startGrpcService } from "@trailsum/testkit/grpc-service";

import { SharedSetup } from "./shared-setup.ts";

/** How a gRPC client gets to its service. */
export interface GrpcWay {
  readonly name: string;
  /** What the client speaks, and what the service. */
  readonly client: "cleartext" | "TLS";
  readonly service: "cleartext" | "TLS";
  /** Whether `trailsum proxy` is in between. */
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
  /** The one client that most tests share. */
  readonly client: GrpcClient;
  /** Another client, on a connection of its own. */
  connect(options?: GrpcClientOptions): GrpcClient;
  /** Stops everything, and rejects when a connection is left over or the proxy has come to harm. */
  close(): Promise<void>;
}

/** Starts the service and, where the way says so, the proxy. */
export async function openGrpcWay(way: GrpcWay): Promise<OpenGrpcWay> {
  const setup = new SharedSetup();
  const tls = await certificate();
  const service = await startGrpcService({ tls: way.service === "TLS" ? tls : undefined });
  setup.atEnd(() => service.stop());
  const proxy = way.proxied ? await startProxy(way, service.origin, setup) : undefined;
  const origin = proxy?.url ?? service.origin;
  const connect = (options: GrpcClientOptions = {}): GrpcClient => {
    const client = new GrpcClient(origin, { ca: tls.cert, ...options });
    setup.atEnd(async () => client.close());
    return client;
  };
  return { service, client: connect(), connect, close: () => setup.end() };
}

async function startProxy(way: GrpcWay, origin: string, setup: SharedSetup): Promise<RunningTrailsum> {
  const { keyFile, certFile } = await (await certificate()).files(await setup.directory());
  const listening = way.client === "TLS" ? ["--tls-cert", certFile, "--tls-key", keyFile] : [];
  // Over TLS the two agree on HTTP/2 themselves.
  const reaching = way.service === "TLS" ? [] : ["--origin-http2"];
  const proxy = await startTrailsum(["proxy", origin, "--port", "0", ...listening, ...reaching], {
    env: { NODE_EXTRA_CA_CERTS: certFile },
    atEnd: setup.atEnd,
  });
  setup.atEnd(async () => {
    const { exitCode, stderr } = await proxy.stop();
    if (exitCode !== 0) throw new Error(`the proxy ended badly: ${stderr}`);
  });
  return proxy;
}
