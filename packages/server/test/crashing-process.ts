// Run by directory-store-crash.test.ts: replaces an object, and kills itself just before the given call to the file
// system. With step 0 it receives a part of an upload and waits to be killed.
import { createRequire, syncBuiltinESMExports } from "node:module";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { createDigester } from "@trailsum/shared";

import { createDirectoryStore } from "../src/stores/directory/directory-store.ts";

const [directory = "", stepText = ""] = process.argv.slice(2);
const step = Number(stepText);
let calls = 0;

type Call = (...args: readonly unknown[]) => unknown;

function killBefore(target: Record<string, unknown>, name: string): void {
  const original = target[name] as Call;
  target[name] = function killing(this: unknown, ...args: readonly unknown[]): unknown {
    calls += 1;
    if (calls === step) process.kill(process.pid, "SIGKILL");
    return Reflect.apply(original, this, args);
  };
}

const fs = createRequire(import.meta.url)("node:fs/promises") as Record<string, unknown> & { open: Call };
const store = await createDirectoryStore({ directory });

if (step === 0) {
  const staged = await store.stage("it");
  staged.content.write(Buffer.alloc(3_000_000));
  process.send?.("receiving");
  setInterval(() => {}, 1000);
} else {
  const other = Buffer.from('{"hello": "woXYZ!"}\n');
  const handle = (await fs.open(process.execPath, "r")) as object & { close(): Promise<void> };
  const methods = Object.getPrototypeOf(handle) as Record<string, unknown>;
  await handle.close();
  for (const name of ["open", "rename", "rm", "mkdir", "lstat", "realpath"]) killBefore(fs, name);
  for (const name of ["writev", "writeFile", "sync", "datasync", "stat", "close"]) killBefore(methods, name);
  syncBuiltinESMExports();
  const staged = await store.stage("a/it");
  await pipeline(Readable.from([other]), staged.content);
  const digester = await createDigester(["md5", "sha-256"]);
  digester.update(other);
  await staged.commit(digester.digest());
}
