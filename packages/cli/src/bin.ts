#!/usr/bin/env node
// Nothing that needs a newer Node is loaded before this has looked: what loads fails with a stack trace otherwise.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`trailsum: needs Node 22.19 or newer, and this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else {
  const { main } = await import("./main.ts");
  await main(process.argv.slice(2));
}
