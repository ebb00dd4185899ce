// Receives uploads into a store in memory: on our own server, or with the same handler on node:http. A process of its own.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { createMemoryStore, createUploadHandler, createUploadServer } from "@trailsum/server";

const store = createMemoryStore();

async function listen(): Promise<number> {
  if (process.argv[2] === "trailsum") return (await createUploadServer({ store, listen: { port: 0 } }).listen()).port;
  const server = createServer({ requestTimeout: 0 }, createUploadHandler({ store })).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

process.send!(await listen());
process.on("disconnect", () => process.exit());
