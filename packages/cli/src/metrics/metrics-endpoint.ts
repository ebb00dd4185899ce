import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { TrailsumError } from "@trailsum/shared";

import type { HostAndPort } from "../flags/address.ts";

/** Where metrics are served. */
export interface MetricsEndpoint {
  /** `http://127.0.0.1:9464/metrics` */
  readonly url: string;
  /** Stops at once. */
  close(): Promise<void>;
}

/** Metrics in the text format of Prometheus. */
export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/** The most connections at once: a scraper needs one. */
const MAX_CONNECTIONS = 16;

/** Serves what `collect` gives at `/metrics`. Rejects with `USAGE` if the address cannot be used. */
export async function serveMetrics(
  { host, port }: HostAndPort,
  collect: () => Promise<Exposition>,
): Promise<MetricsEndpoint> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    const [path] = request.url!.split("?", 1);
    if (path !== "/metrics") return answer(response, 404, "metrics are at /metrics\n");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return answer(response, 405, "use GET\n");
    }
    collect().then(
      ({ text, contentType }) => answer(response, 200, text, contentType),
      () => answer(response, 500, "the metrics cannot be collected\n"),
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrailsumError("USAGE", `cannot listen on ${host}:${port} for metrics: ${reason}`, { cause });
  }
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}/metrics`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "Content-Type": contentType, "Content-Length": Buffer.byteLength(text) }).end(text);
}
