// Plays the cases against proxies, and says which of them keep what.
//
//   node conformance/src/run.ts                                    this project's proxy and every peer on this machine
//   node conformance/src/run.ts --peer haproxy --case smuggling    this peer alone, and these cases alone
//   node conformance/src/run.ts --proxy HOST:PORT --origin-port N  a proxy that runs already, towards 127.0.0.1:N
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { askAnyone, askOwn, askPeer } from "./ask.ts";
import { cases } from "./cases/index.ts";
import { peers } from "./peers/index.ts";
import { report } from "./report.ts";
import { count, type Outcome, type Score } from "./score.ts";

const { values } = parseArgs({
  options: {
    proxy: { type: "string" },
    "origin-port": { type: "string" },
    peer: { type: "string", multiple: true },
    case: { type: "string", multiple: true },
  },
});
const chosen = cases.filter(({ id }) => values.case === undefined || values.case.some((start) => id.startsWith(start)));

function summary(name: string, outcomes: Readonly<Record<string, Outcome>>): string {
  const { kept, differs, wrong } = count(Object.values(outcomes));
  return `${name}: ${kept} kept, ${differs} differ by choice, ${wrong} wrong`;
}

function details(outcomes: Readonly<Record<string, Outcome>>): string {
  return Object.entries(outcomes)
    .filter(([, { verdict }]) => verdict !== "kept")
    .map(([id, { verdict, seen }]) => `  ${verdict.padEnd(7)} ${id}: ${seen}`)
    .join("\n");
}

/** What was kept is only counted; what was not is told, a line each. */
function json(scores: readonly Score[]): string {
  const told = scores.map(({ name, version, outcomes }) => {
    const rest = Object.entries(outcomes).filter(([, { verdict }]) => verdict !== "kept");
    const byId = rest.toSorted(([one], [other]) => one.localeCompare(other, "en"));
    return { name, version, ...count(Object.values(outcomes)), notKept: Object.fromEntries(byId) };
  });
  return `${JSON.stringify(told, undefined, 1)}\n`;
}

if (values.proxy === undefined) {
  const results = join(import.meta.dirname, "../results");
  const manifest = join(import.meta.dirname, "../../packages/proxy/package.json");
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  const wanted = (name: string): boolean =>
    values.peer === undefined || values.peer.some((part) => name.toLowerCase().includes(part.toLowerCase()));
  const scores: Score[] = [];
  if (wanted("trailsum")) scores.push(await askOwn(chosen, version));
  for (const peer of peers.filter(({ name }) => wanted(name))) {
    try {
      const score = await askPeer(peer, chosen);
      if (score === undefined) console.log(`${peer.name}: not on this machine; ${peer.install}`);
      else scores.push(score);
    } catch (error) {
      console.log(`${peer.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const { name, version: found, outcomes } of scores) {
    console.log(summary(`${name} ${found}`, outcomes));
    if (values.peer !== undefined || values.case !== undefined) console.log(details(outcomes));
  }
  // What was asked of some is no table of all.
  if (values.peer === undefined && values.case === undefined) {
    await writeFile(join(results, "reverse-proxies.md"), report(scores, cases));
    await writeFile(join(results, "reverse-proxies.json"), json(scores));
    console.log("written: conformance/results/reverse-proxies.md and .json");
  }
} else {
  const [host = "127.0.0.1", port] = values.proxy.split(":");
  const outcomes = await askAnyone(chosen, { host, port: Number(port) }, Number(values["origin-port"]));
  console.log(details(outcomes));
  console.log(summary(values.proxy, outcomes));
  process.exitCode = Object.values(outcomes).some(({ verdict }) => verdict === "wrong") ? 1 : 0;
}
