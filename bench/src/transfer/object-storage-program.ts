import { fauxqs } from "@trailsum/testkit/s3";

// An object storage in memory.
const server = await fauxqs();
process.stdout.write(`listening on ${server.endpoint}\n`);
process.on("SIGTERM", () => void server.stop().then(() => process.exit(0)));
