#!/usr/bin/env node
// Nothing that needs a newer Node is loaded before this has looked: what loads fails with a stack trace otherwise.
import * as nodeModule from "node:module";
import { setFlagsFromString } from "node:v8";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`trailsum: needs Node 22.19 or newer, and this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else {
  // What passes through is garbage at once, and the young generation keeps tens of mebibytes of it while it has room.
  // (Older releases of Node do not know the flag, and would say so.)
  if (major >= 24) setFlagsFromString("--scavenger-max-new-space-capacity-mb=2");
  // Half of what a short command takes is compiling; what was compiled once is kept where Node keeps such things.
  nodeModule.enableCompileCache();
  const { main } = await import("./main.ts");
  await main(process.argv.slice(2));
}
