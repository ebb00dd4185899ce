import type { PathReport } from "@trailsum/client";
import { redactedTarget, TrailsumError } from "@trailsum/shared";

import { type ConnectionArguments, connectionDispatcher, connectionFlags } from "../flags/connection-flags.ts";
import { type DefinedCommand, defineCommand } from "../command.ts";
import { authorizedTarget, type CredentialArguments, credentialFlags } from "../flags/credentials.ts";
import type { Run } from "../process/process-run.ts";
import { headerFields, transferFlags } from "../flags/transfer-flags.ts";
import { showWire } from "../terminal/verbose.ts";

interface ProbeArguments extends CredentialArguments, ConnectionArguments {
  readonly url?: string | undefined;
  readonly verbose: number;
  readonly json: boolean;
  readonly quiet: boolean;
}

const flags = {
  ...credentialFlags,
  ...connectionFlags,
  header: transferFlags.header,
  verbose: transferFlags.verbose,
  json: { type: "boolean", default: false, describe: "print the result as JSON" },
  quiet: { ...transferFlags.quiet, describe: "print only errors: the exit status says whether the server answered" },
} as const;

/** `trailsum probe <url>` */
export const probeCommand: DefinedCommand = defineCommand<ProbeArguments>({
  synopsis: "trailsum probe <url>",
  about: "Stores nothing. A server that is not trailsum gets an OPTIONS request alone.",
  examples: [
    { does: "see whether trailers survive the path to a server", line: "trailsum probe https://host/" },
    {
      does: "choose the delivery mode in a script",
      line: "trailsum probe https://host/ --json | jq -r .delivery.mode",
    },
  ],
  flags,
  operand: { name: "url", describe: "where uploads would go" },
  run: probePath,
});

async function probePath(given: ProbeArguments, run: Run): Promise<void> {
  const { probe, targetUrl } = await import("@trailsum/client");
  if (given.url === undefined) throw new TrailsumError("USAGE", "missing URL: trailsum probe URL");
  const { target, authorization } = authorizedTarget(given.url, given);
  const url = targetUrl(target);
  const headers = [...headerFields(given.header), ...authorization];
  const dispatcher = await connectionDispatcher(given, run);
  await showWire(given.verbose);
  const report = await probe(url, { headers, signal: run.signal, ...(dispatcher && { dispatcher }) });
  if (given.quiet) return;
  await run.print(
    given.json ? `${JSON.stringify({ url: redactedTarget(url), ...report })}\n` : table(redactedTarget(url), report),
  );
}

function table(url: string, report: PathReport): string {
  const server = report.trailsum ? "a trailsum server" : "not known to be a trailsum server";
  const version = (given: string | undefined): string => (given === undefined ? "unknown" : `HTTP/${given}`);
  const rows: [string, string][] = [
    ["protocol", `${version(report.clientVersion)} from here, ${version(report.serverVersion)} at the server`],
    ["HTTP/2", yesOrNo(report.clientVersion && report.clientVersion === "2.0")],
    ["trailers up", report.trailersUp === "unclear" ? "unknown" : report.trailersUp],
    ["trailers down", yesOrNo(report.trailersDown)],
    ["104", report.interim ?? "unknown"],
    ["Expect", yesOrNo(report.expect)],
    ["full duplex", yesOrNo(report.fullDuplex)],
    ["streaming", yesOrNo(report.streaming)],
    ["two-step", yesOrNo(report.twoStep)],
    ["delivery", `${report.delivery.mode ?? "none"}: ${report.delivery.reason}`],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(13)}  ${value}\n`);
  return `${url}: ${server}\n${lines.join("")}`;
}

function yesOrNo(value: boolean | "" | undefined): string {
  if (value === undefined || value === "") return "unknown";
  return value ? "yes" : "no";
}
