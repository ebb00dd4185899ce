import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

// A server that reads an upload, counts it, and neither hashes nor keeps it.
const server = createServer({ requestTimeout: 0 }, (req, res) => {
  let size = 0;
  req.on("data", (chunk: Buffer) => {
    size += chunk.length;
  });
  req.on("end", () => res.end(`${size}\n`));
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
process.on("SIGTERM", () => server.close(() => process.exit(0)));
