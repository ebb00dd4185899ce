import { writeSync } from "node:fs";

// Loaded into the Node processes that are measured. Only the process itself learns its peak memory, at its end.
process.on("exit", () => {
  writeSync(4, String(process.resourceUsage().maxRSS * 1024));
});
