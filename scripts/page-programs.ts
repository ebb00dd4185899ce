// Runs every program that the README, the guides and the READMEs of packages show, in a project that has the packages
// installed: under several releases of Node, as JavaScript and as TypeScript, and type-checked.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { expectedOutput } from "../packages/cli/test/support/page-program.ts";
import { withFreePorts } from "../testkit/src/free-ports.ts";

/** A program of a page, and what the page says that it prints. */
export interface PageProgram {
  readonly page: string;
  readonly code: string;
  readonly expected: readonly string[];
}

/** The programs of all pages. A page of a package has what a program prints in the next block, others in comments. */
export function pagePrograms(root: string): PageProgram[] {
  const guides = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  const packages = readdirSync(join(root, "packages"));
  const pages = ["README.md", ...guides.map((name) => `docs/${name}`)];
  return [...pages, ...packages.map((name) => `packages/${name}/README.md`)].flatMap((page) => {
    const blocks = readFileSync(join(root, page), "utf8").matchAll(
      /^```js\n(import .*?)^```\n(?:\n(?:It prints\n\n)?^```\n(.*?)^```$)?/gms,
    );
    return [...blocks].map(([, code = "", printed]) => ({
      page,
      code,
      expected: printed === undefined ? expectedOutput(code) : printed.trimEnd().split("\n"),
    }));
  });
}

/** The packages that programs import and that are neither Node's nor ours. */
export function foreignPackages(programs: readonly PageProgram[]): string[] {
  const specifiers = programs.flatMap(({ code }) =>
    [...code.matchAll(/ from "([^"]+)"/g)].map(([, name = ""]) => name),
  );
  return [...new Set(specifiers)].filter((name) => !/^(?:node:|@trailsum\/)/.test(name));
}

/** The binary of a release of Node, installed from npm below `directory`. */
export async function installNode(version: string, directory: string): Promise<string> {
  const home = join(directory, `node-${version}`);
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), "{}");
  await promisify(execFile)("npm", ["install", "--no-audit", "--no-fund", `node@${version}`], { cwd: home });
  return join(home, "node_modules/node/bin/node");
}

/** Starts `trailsum serve`, as programs expect on port 8080, and returns its port and the way to stop it. */
export async function serveFiles(node: string, project: string): Promise<{ port: string; stop: () => void }> {
  const command = join(project, "node_modules/.bin/trailsum");
  const server = spawn(node, [command, "serve", "files", "--port", "0"], { cwd: project });
  const port = await new Promise<string>((resolve, reject) => {
    let said = "";
    server.stdout.on("data", (text: Buffer) => {
      said += text.toString();
      const [, found] = /:(\d+)$/m.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    });
    server.once("exit", (code) => reject(new Error(`trailsum serve ended with ${code}`)));
  });
  return { port, stop: () => void server.kill() };
}

/** Runs a program in a new directory of the project. Throws unless it prints what its page says. */
export async function runPageProgram(
  node: string,
  { page, code, expected }: PageProgram,
  { directory, extension, port }: { directory: string; extension: "mjs" | "mts"; port: string },
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `program.${extension}`), (await withFreePorts(code)).replaceAll("8080", port));
  const { stdout } = await promisify(execFile)(node, [`program.${extension}`], { cwd: directory, timeout: 60_000 });
  if (stdout.trimEnd() !== expected.join("\n"))
    throw new Error(`a program of ${page} prints\n${stdout}\nand not\n${expected.join("\n")}`);
}

/** Type-checks the programs with TypeScript's strict defaults; parameters need no types, as the programs are JavaScript. */
export async function checkTypes(compiler: string, project: string, programs: readonly PageProgram[]): Promise<void> {
  const directory = join(project, "types");
  mkdirSync(directory);
  for (const [at, { page, code }] of programs.entries())
    writeFileSync(join(directory, `${page.replaceAll("/", "-")}-${at}.mts`), code);
  const lenient = { noImplicitAny: false, useUnknownInCatchVariables: false, skipLibCheck: true };
  const language = { module: "nodenext", target: "es2024", lib: ["es2024"], types: ["node"], strict: true };
  const config = { compilerOptions: { noEmit: true, ...lenient, ...language }, include: ["*.mts"] };
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(config));
  await promisify(execFile)(compiler, ["-p", directory]).catch((error: { stdout: string }) => {
    throw new Error(`programs of pages do not type-check:\n${error.stdout}`);
  });
}
