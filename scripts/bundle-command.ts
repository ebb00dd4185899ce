// Bundles the command as it is published, and makes its manual pages: node scripts/bundle-command.ts [directory]
//
// A short command spends most of its time on finding, reading and compiling modules. Bundled, it reads a few files in place
// of some hundred, and of its dependencies only what it uses.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { type Plugin, rolldown } from "rolldown";

import { loadCommands } from "../packages/cli/src/commands/index.ts";
import { manPages } from "../packages/cli/src/manual/man-page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const cli = join(root, "packages/cli");
const output = process.argv[2] ?? join(cli, "bundle");

/**
 * Of undici the client needs error classes and the base class of dispatchers; what `request` needs is loaded when the
 * first request is sent with it. These are the modules that undici's own entry exports, so that there is one of each.
 */
const UNDICI = `
  export { default as errors } from "undici/lib/core/errors.js";
  export { default as Dispatcher } from "undici/lib/dispatcher/dispatcher.js";
  export const request = async (...args) => (await import("undici/index.js")).request(...args);
`;

const partsOfUndici: Plugin = {
  name: "parts-of-undici",
  resolveId: (id) => (id === "undici" ? "\0undici" : undefined),
  load: (id) => (id === "\0undici" ? UNDICI : undefined),
};

/** Resolved from the client, which the virtual module stands in for. */
const fromClient: Plugin = {
  name: "undici-of-the-client",
  resolveId(id, importer) {
    if (importer !== "\0undici") return undefined;
    return this.resolve(id, join(root, "packages/client/src/index.ts"));
  },
};

rmSync(output, { recursive: true, force: true });
const bundle = await rolldown({
  // A hashing thread runs a file of its own, which lies beside the module that starts it.
  input: { bin: join(cli, "src/bin.ts"), "digest-worker": join(root, "packages/shared/src/digest-worker.ts") },
  platform: "node",
  // Optional, and large: installed by those who store in a bucket.
  external: [/^@aws-sdk\//, /^@smithy\//],
  // Only the parser of yargs is used. What prints its help makes a segmenter of graphemes when it is loaded.
  treeshake: { moduleSideEffects: [{ test: /node_modules\/(?:yargs|cliui|string-width|y18n)\//, sideEffects: false }] },
  plugins: [partsOfUndici, fromClient],
  // The proxy and the demo import the client at once, and other commands later: it has a file of its own all the same.
  checks: { ineffectiveDynamicImport: false },
  // Needed for groups without what they import.
  preserveEntrySignatures: "allow-extension",
});
const { output: written } = await bundle.write({
  dir: output,
  format: "esm",
  chunkFileNames: "[name]-[hash].js",
  // Node takes as long to find and link a file as to compile what is in it: what every command loads is in one file, and
  // what a transfer loads besides is in another.
  codeSplitting: {
    groups: [
      { name: "start", priority: 3, test: /packages\/cli\/src\/(?:version|cache-directory)/ },
      { name: "main", priority: 2, test: /packages\/cli\/src\/main/ },
      { name: "transfer", priority: 1, test: /packages\/(?:cli\/src\/commands\/upload|client\/src\/index)/ },
    ],
  },
});
await bundle.close();

// SOURCE_DATE_EPOCH makes builds of one commit the same.
const epoch = process.env["SOURCE_DATE_EPOCH"];
const date = (epoch === undefined ? new Date() : new Date(Number(epoch) * 1_000)).toISOString().slice(0, 10);
const { version = "" } = manifestIn(cli);
mkdirSync(join(output, "man"));
for (const [name, page] of manPages(await loadCommands(), { version, date })) {
  writeFileSync(join(output, "man", name), page);
}

const licences = new Map<string, string>();
for (const chunk of written) {
  if (chunk.type !== "chunk") continue;
  for (const id of chunk.moduleIds) addLicence(id);
}
const texts = [...licences].toSorted(([one], [other]) => (one < other ? -1 : 1));
writeFileSync(
  join(output, "LICENSES.txt"),
  texts.map(([name, text]) => `${name}\n\n${text.trim()}\n`).join("\n---\n\n"),
);

/** Remembers under which terms the package of a module is used. */
function addLicence(id: string): void {
  if (!id.includes("/node_modules/")) return;
  let directory = dirname(id.replace(/^\0/, ""));
  while (!existsSync(join(directory, "package.json")) || !("name" in manifestIn(directory)))
    directory = dirname(directory);
  const manifest = manifestIn(directory);
  const key = `${manifest.name} ${manifest.version} (${manifest.license})`;
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  licences.set(key, file === undefined ? "" : readFileSync(join(directory, file), "utf8"));
}

function manifestIn(directory: string): { name?: string; version?: string; license?: string } {
  return JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as object;
}
