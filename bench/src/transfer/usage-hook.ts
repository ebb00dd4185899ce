import { writeSync } from "node:fs";

// Loaded into the Node processes that are measured. What the most memory was only the process itself is told, at its end.
process.on("exit", () => {
  writeSync(4, String(process.resourceUsage().maxRSS * 1024));
});
