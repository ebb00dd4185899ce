import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/** A port of 127.0.0.1 on which nothing listens. Another process may take it before it is used. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Replaces the ports 3000 to 3009, which programs in the documentation listen on, with free ones. */
export async function withFreePorts(program: string): Promise<string> {
  const ports = new Set(program.match(/\b300\d\b/g));
  let replaced = program;
  for (const port of ports) replaced = replaced.replaceAll(port, String(await freePort()));
  return replaced;
}
