export { DirectSocketReader } from "./direct-socket-reader.ts";
export { giveBack } from "./read-buffer.ts";
export { resetConnection } from "./reset-connection.ts";
export { batchWrites } from "./write-batch.ts";
