export { DirectSocketReader } from "./direct-socket-reader.ts";
export { resetConnection } from "./reset-connection.ts";
export { batchWrites } from "./write-batch.ts";
