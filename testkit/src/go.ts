import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { findProgram, isExecutable } from "./installed-program.ts";

const run = promisify(execFile);
const cache = fileURLToPath(new URL("../../node_modules/.cache/trailsum-go", import.meta.url));

/** The path of a `go` binary: the one on PATH, or the newest that Debian keeps under /usr/lib; `undefined` if none is installed. */
export async function goToolchain(): Promise<string | undefined> {
  const installed = await readdir("/usr/lib").catch(() => []);
  const debian = installed
    .filter((name) => /^go-\d/.test(name))
    .toSorted((a, b) => b.localeCompare(a, "en", { numeric: true }))
    .map((name) => join("/usr/lib", name, "bin"));
  return findProgram("go", debian);
}

/**
 * Builds one Go source file that needs only the standard library, and gives the path of the program. The same source is built
 * once and kept, also between runs. Touches no network. A first build takes several seconds: call it in `beforeAll`, with a
 * timeout of its own, and skip visibly when `goToolchain()` finds nothing.
 */
export async function buildGo(sourceFile: string): Promise<string> {
  const go = await goToolchain();
  if (go === undefined) throw new Error("there is no Go toolchain: skip this test when goToolchain() gives undefined");
  const fingerprint = createHash("sha256")
    .update(go)
    .update(await readFile(sourceFile))
    .digest("hex")
    .slice(0, 16);
  const program = join(cache, `${basename(sourceFile, ".go")}-${fingerprint}`);
  if (await isExecutable(program)) return program;
  await mkdir(cache, { recursive: true });
  // Test files run in parallel processes: build aside, so that no one starts half a program.
  const aside = `${program}.${process.pid}`;
  await run(go, ["build", "-o", aside, sourceFile], {
    env: {
      ...process.env,
      CGO_ENABLED: "0",
      GO111MODULE: "off",
      GOCACHE: join(cache, "build"),
      GOFLAGS: "",
      GOPATH: join(cache, "path"),
      GOTOOLCHAIN: "local",
    },
  });
  await rename(aside, program);
  return program;
}
