// Uploads a pipe through each path, and says in which mode it was delivered.
//
//   pnpm conformance paths                       all paths, written to conformance/results/
//   pnpm conformance paths --path nginx          some of them, printed alone
//   pnpm conformance paths --size 1 --no-flips   a smaller pipe (MiB), and no bits flipped
//   pnpm conformance paths --path go --update    some of them again; the others as they were measured before
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { type Path, paths } from "./paths.ts";
import { pathsReport } from "./report.ts";
import { type Asked, faultsOf, type WalkedPath, type WalkedPaths } from "./walked.ts";
import { type Walk, walkPath } from "./walk-path.ts";

const MIB = 2 ** 20;
const FLIPPED_SIZE = 2 * MIB;
const ASKED: readonly Asked[] = ["auto", "trailers", "header", "two-step"];
const results = join(import.meta.dirname, "../../results");

/** Walks all paths, or those that the arguments choose, and writes or prints what was seen. */
export async function walkPaths(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      path: { type: "string", multiple: true },
      size: { type: "string", default: "64" },
      flips: { type: "boolean", default: true },
      update: { type: "boolean", default: false },
    },
  });
  const size = Number(values.size) * MIB;
  const chosen = paths.filter(
    ({ name }) => values.path?.some((part) => name.toLowerCase().includes(part.toLowerCase())) ?? true,
  );
  const walked: WalkedPath[] = [];
  for (const path of chosen) {
    const software = await softwareOf(path);
    if (software === undefined) console.log(`${path.name}: not on this machine`);
    else {
      const one = await walk(path, software, { size, flips: values.flips });
      walked.push(one);
      console.log(summaryOf(one));
    }
  }
  process.exitCode = walked.some((one) => faultsOf(one).length > 0) ? 1 : 0;
  if (values.path !== undefined && !values.update) return;
  const before = values.update ? await measuredBefore() : [];
  const again = new Map(walked.map((one) => [idOf(one), one]));
  const all = paths.flatMap((path) => again.get(idOf(path)) ?? before.find((one) => idOf(one) === idOf(path)) ?? []);
  const measured: WalkedPaths = { size, flippedSize: FLIPPED_SIZE, paths: all };
  await writeFile(join(results, "paths.json"), `${JSON.stringify(measured, undefined, 1)}\n`);
  await writeFile(join(results, "paths.md"), pathsReport(measured));
  console.log("written: conformance/results/");
}

function idOf({ name, version }: Pick<Path, "name" | "version">): string {
  return `${name} ${version}`;
}

async function measuredBefore(): Promise<readonly WalkedPath[]> {
  return (JSON.parse(await readFile(join(results, "paths.json"), "utf8")) as WalkedPaths).paths;
}

/** The versions of the hops' software; undefined if one is not here. */
async function softwareOf({ hops }: Path): Promise<string[] | undefined> {
  const versions = await Promise.all(hops.map((hop) => hop.version()));
  const found = versions.filter((version) => version !== undefined);
  return found.length === versions.length ? found : undefined;
}

async function walk(
  path: Path,
  software: readonly string[],
  { size, flips }: { readonly size: number; readonly flips: boolean },
): Promise<WalkedPath> {
  const seen = await walkPath(path, { size });
  const canFlip = flips && seen.requests !== undefined;
  return {
    name: path.name,
    version: path.version,
    software,
    ...outcomeOf(seen),
    ...(canFlip ? { flipped: await flipInEveryMode(path) } : {}),
  };
}

function outcomeOf({
  result,
  report,
  intact,
  requests,
  sent,
}: Walk): Omit<WalkedPath, "name" | "version" | "software"> {
  return {
    exitCode: result.exitCode ?? -1,
    ...(report === undefined ? { complaint: result.stderr.trim().replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1") } : {}),
    ...(report === undefined ? {} : { mode: report.delivery.mode, reason: report.delivery.reason }),
    intact: intact === true,
    ...(requests === undefined ? {} : { requests: requests.map(withoutSecrets) }),
    sent: Math.round(sent * 100) / 100,
  };
}

/** Without the random part of the address of an upload resource. */
function withoutSecrets(requestLine: string): string {
  return requestLine.replace(/[\da-f]{32}/, "…");
}

async function flipInEveryMode(path: Path): Promise<Record<Asked, number>> {
  const exits: [Asked, number][] = [];
  for (const asked of ASKED) {
    const { result, intact, flips } = await walkPath(path, {
      size: FLIPPED_SIZE,
      flip: true,
      args: ["--delivery", asked],
      source: asked === "header" ? "file" : "pipe",
    });
    // A hop that kills the connection at trailers may not have passed on any of it before.
    if (flips === 0 && (result.exitCode === 0 || result.exitCode === 6))
      throw new Error(`${path.name}, --delivery ${asked}: the content did not get as far as the flip`);
    if (intact !== undefined) throw new Error(`${path.name}, --delivery ${asked}: flipped content is stored`);
    exits.push([asked, result.exitCode ?? -1]);
  }
  return Object.fromEntries(exits) as Record<Asked, number>;
}

function summaryOf(one: WalkedPath): string {
  const flipped = Object.entries(one.flipped ?? {}).map(([asked, exitCode]) => `${asked} ${exitCode}`);
  const faults = faultsOf(one);
  return [
    `${one.name}, HTTP/${one.version}: ${one.mode ?? `exit ${one.exitCode}`}`,
    one.reason ?? one.complaint,
    one.requests?.join(" ") ?? "requests not seen",
    `sent ${one.sent}`,
    `flipped: ${flipped.join(", ")}`,
    ...(faults.length === 0 ? [] : [`NOT AS PROMISED: ${faults.join("; ")}`]),
  ].join(" | ");
}
