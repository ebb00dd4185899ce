import { createServer } from "node:http";

import fastProxy from "fast-proxy";

const [port, originPort, timeout = 0] = process.argv.slice(2).map(Number);
const fast = fastProxy({ base: `http://127.0.0.1:${originPort}` });

createServer((req, res) => fast.proxy(req, res, req.url ?? "/", { request: { timeout: timeout * 1_000 } })).listen(
  port,
  "127.0.0.1",
);
