import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { TrailsumError } from "@trailsum/shared";

import type { HostAndPort } from "../flags/address.ts";

/** Answers a GET of one path. */
export type Route = (response: ServerResponse) => Promise<void> | void;

/** Where routes are served: apart from the content of a command, for those who run it. */
export interface Endpoint {
  /** `http://127.0.0.1:9464`, without a trailing slash. */
  readonly origin: string;
  /** Stops at once. */
  close(): Promise<void>;
}

/** The most connections at once: a scraper, and a few browsers. */
const MAX_CONNECTIONS = 32;

/** Serves each route at its path, and nothing else. Rejects with `USAGE` if the address cannot be used. */
export async function serveRoutes(
  { host, port }: HostAndPort,
  { routes, purpose }: { readonly routes: ReadonlyMap<string, Route>; readonly purpose: string },
): Promise<Endpoint> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    const [path = ""] = request.url!.split("?", 1);
    const route = routes.get(path);
    if (route === undefined) return answer(response, 404, `not found: there is ${[...routes.keys()].join(" ")}\n`);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return answer(response, 405, "use GET\n");
    }
    Promise.resolve(route(response)).catch(() => answer(response, 500, `the ${purpose} cannot be collected\n`));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrailsumError("USAGE", `cannot listen on ${host}:${port} for ${purpose}: ${reason}`, { cause });
  }
  const bound = (server.address() as AddressInfo).port;
  return {
    origin: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers with a text. */
export function answer(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "Content-Type": contentType, "Content-Length": Buffer.byteLength(text) }).end(text);
}
