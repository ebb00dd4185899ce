// Plays the cases against proxies, and says which of them keep what.
//
//   node conformance/src/run.ts                                    this project's proxy and every peer on this machine
//   node conformance/src/run.ts --peer haproxy --case smuggling    this peer alone, and these cases alone
//   node conformance/src/run.ts --combination 2-1.1                HTTP/2 to clients and HTTP/1.1 to origins alone
//   node conformance/src/run.ts --peer trailsum --update           this one alone; the others as they were measured before
//   node conformance/src/run.ts --proxy HOST:PORT --origin-port N  a proxy that runs already, towards 127.0.0.1:N
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { askAnyone } from "./ask-anyone.ts";
import { askedOfPeers, askPeer } from "./ask-peer.ts";
import { cases } from "./cases/index.ts";
import { combinationId, combinations, combinationTitle, HTTP1 } from "./combination.ts";
import type { ConformanceCase } from "./conformance-case.ts";
import { peers } from "./peers/index.ts";
import { overview, report, reportFile } from "./report.ts";
import { readResults, resultsText } from "./results.ts";
import { count, type Outcome, type Score } from "./score.ts";

const { values } = parseArgs({
  options: {
    proxy: { type: "string" },
    tls: { type: "boolean", default: false },
    "origin-port": { type: "string" },
    peer: { type: "string", multiple: true },
    case: { type: "string", multiple: true },
    combination: { type: "string", multiple: true },
    update: { type: "boolean", default: false },
  },
});
const chosen = cases.filter(({ id }) => values.case === undefined || values.case.some((start) => id.startsWith(start)));
const spoken = combinations.filter((one) => values.combination?.includes(combinationId(one)) ?? true);

function summary(outcomes: Readonly<Record<string, Outcome>>): string {
  const { kept, differs, wrong } = count(Object.values(outcomes));
  return `${kept} kept, ${differs} differ by choice, ${wrong} wrong`;
}

function details(outcomes: Readonly<Record<string, Outcome>>): string {
  return Object.entries(outcomes)
    .filter(([, { verdict }]) => verdict !== "kept")
    .map(([id, { verdict, seen }]) => `  ${verdict.padEnd(7)} ${id}: ${seen}`)
    .join("\n");
}

function askedOf(name: string): readonly ConformanceCase[] {
  return name === "trailsum" ? cases : askedOfPeers(cases);
}

if (values.proxy === undefined) {
  const results = join(import.meta.dirname, "../results");
  const manifest = join(import.meta.dirname, "../../packages/proxy/package.json");
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  const wanted = (name: string): boolean =>
    values.peer === undefined || values.peer.some((part) => name.toLowerCase().includes(part.toLowerCase()));
  const scores: Score[] = [];
  if (wanted("trailsum")) {
    // Loaded for this alone: measuring others does not need it.
    const { askOwn } = await import("./ask-own.ts");
    scores.push(await askOwn(chosen, version, spoken));
  }
  for (const peer of peers.filter(({ name }) => wanted(name))) {
    try {
      const score = await askPeer(peer, chosen, spoken);
      if (score === undefined) console.log(`${peer.name}: not on this machine; ${peer.install}`);
      else scores.push(score);
    } catch (error) {
      console.log(`${peer.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const some = values.peer !== undefined || values.case !== undefined || values.combination !== undefined;
  for (const { name, version: found, outcomes } of scores) {
    for (const one of spoken) {
      const there = outcomes[combinationId(one)];
      if (there === undefined) continue;
      console.log(`${name} ${found}, ${combinationTitle(one)}: ${summary(there)}`);
      if (some) console.log(details(there));
    }
  }
  // A table of all needs all cases and peers.
  const partial = values.case !== undefined || values.combination !== undefined;
  if (!partial && (values.peer === undefined || values.update)) {
    const file = join(results, "reverse-proxies.json");
    const before = values.update ? readResults(await readFile(file, "utf8"), askedOf) : [];
    const again = new Map(scores.map((score) => [score.name, score]));
    const all = values.update ? before.map((score) => again.get(score.name) ?? score) : scores;
    await writeFile(file, resultsText(all));
    await writeFile(join(results, "reverse-proxies.md"), overview(all, cases));
    for (const combination of combinations) {
      await writeFile(join(results, reportFile(combination)), report(all, { cases, combination }));
    }
    console.log("written: conformance/results/");
  }
} else {
  const [host = "127.0.0.1", port] = values.proxy.split(":");
  const combination = values.combination === undefined ? HTTP1 : (spoken[0] ?? HTTP1);
  const proxy = { host, port: Number(port), tls: values.tls };
  const outcomes = await askAnyone(chosen, proxy, { originPort: Number(values["origin-port"]), combination });
  console.log(details(outcomes));
  console.log(`${values.proxy}, ${combinationTitle(combination)}: ${summary(outcomes)}`);
  process.exitCode = Object.values(outcomes).some(({ verdict }) => verdict === "wrong") ? 1 : 0;
}
