// Receives uploads into a store in memory: on our own server, with the same handler on node:http, or as S3 does. A process of its own.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { createMemoryStore, createUploadHandler, createUploadServer } from "@trailsum/server";

import { S3_CREDENTIALS } from "../load/senders.ts";

const store = createMemoryStore();
await store.makeDirectory("bench");

async function listen(): Promise<number> {
  const listening = { store, listen: { port: 0 } };
  if (process.argv[2] === "s3")
    return (await createUploadServer({ ...listening, s3: { credentials: [S3_CREDENTIALS] } }).listen()).port;
  if (process.argv[2] === "trailsum") return (await createUploadServer(listening).listen()).port;
  const server = createServer({ requestTimeout: 0 }, createUploadHandler({ store })).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

process.send!(await listen());
process.on("disconnect", () => process.exit());
