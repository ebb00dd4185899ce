import { createServer } from "node:http";
import { connect } from "node:net";

import { listen } from "@trailsum/testkit";

/** An HTTP proxy that makes tunnels and does nothing else. */
export interface ConnectProxy {
  readonly url: string;
  /** What tunnels were asked for, with credentials if any were sent. */
  readonly tunnels: string[];
}

/** Starts one; with `credentials` it asks for them. Ends with the test. */
export async function connectProxy(credentials?: string): Promise<ConnectProxy> {
  const tunnels: string[] = [];
  const server = createServer((_request, response) => void response.writeHead(501).end());
  server.on("connect", (request, client) => {
    const sent = request.headers["proxy-authorization"];
    tunnels.push(sent === undefined ? request.url! : `${request.url} ${sent}`);
    client.on("error", () => {});
    if (credentials !== undefined && sent !== `Basic ${Buffer.from(credentials).toString("base64")}`) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const target = connect({ host: hostname, port: Number(port) }, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.pipe(client).pipe(target);
    });
    target.on("error", () => client.destroy());
    client.on("close", () => target.destroy());
  });
  const { origin } = await listen(server);
  return { url: origin, tunnels };
}
