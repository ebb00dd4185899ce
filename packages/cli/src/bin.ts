#!/usr/bin/env node
// Nothing that needs a newer Node is loaded before this has looked: what loads fails with a stack trace otherwise.
import * as nodeModule from "node:module";

// An output that fails (no reader, no space) fails the write, not the process. Results that could not be written are an
// error of the command, which looks at each write.
for (const output of [process.stdout, process.stderr]) output.on("error", () => {});
const args = process.argv.slice(2);
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`trailsum: needs Node 22.19 or newer, and this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else if (args.length === 1 && args[0] === "--version") {
  // Scripts ask for it, and often: all that the commands need would take five times as long to load.
  const { version } = await import("./version.ts");
  process.stdout.write(`${version()}\n`, (error) => {
    if (error) process.exitCode = 5;
  });
} else {
  // Half of what a short command takes is compiling. What was compiled once is kept; not where Node would keep it, a
  // directory for all users, since it is code.
  const { cacheDirectory } = await import("./cache-directory.ts");
  const kept = process.env["NODE_COMPILE_CACHE"] ?? cacheDirectory();
  if (kept !== undefined) nodeModule.enableCompileCache?.(kept);
  const { main } = await import("./main.ts");
  await main(args);
}
