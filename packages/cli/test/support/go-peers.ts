import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { buildGo, goToolchain, until } from "@trailsum/testkit";
import { onTestFinished } from "vitest";

import { content } from "./content.ts";
import type { Answer, Seen, ServerPeer } from "./peers.ts";
import type { TrailerCase } from "./trailer-case.ts";

const source = (name: string): string => fileURLToPath(new URL(`../go/${name}.go`, import.meta.url));

/** Builds both programs, where there is a Go toolchain: a first build takes longer than a test may. */
export async function buildGoPeers(): Promise<void> {
  if ((await goToolchain()) === undefined) return;
  await buildGo(source("sender"));
  await buildGo(source("checker"));
}

/** What Go's client saw of an answer. */
export interface GoAnswer extends Answer {
  /** `HTTP/1.1` or `HTTP/2.0`. */
  readonly protocol: string;
  /** The values of `Md5` and `Size` after the content; empty for what did not come. */
  readonly trailers: Readonly<Record<string, string>>;
}

/** Uploads `content` with Go's client, and trailers as the case says. */
export async function sendWithGo(url: string, reported: TrailerCase, flags: readonly string[] = []): Promise<GoAnswer> {
  const { md5, size, announced } = reported;
  return runSender([`-url=${url}`, `-md5=${md5}`, `-size=${size}`, `-announce=${announced}`, ...flags]);
}

/** Asks for content with Go's client. */
export function fetchWithGo(url: string, flags: readonly string[] = []): Promise<GoAnswer> {
  return runSender([`-url=${url}`, "-get", ...flags]);
}

async function runSender(flags: readonly string[]): Promise<GoAnswer> {
  const child = spawn(await buildGo(source("sender")), [...flags], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  child.stdin.on("error", () => {}).end(content);
  return JSON.parse(await text(child.stdout)) as GoAnswer;
}

/** A server on Go's net/http that checks uploads and gives `content` away. */
export async function serveWithGo(flags: readonly string[] = []): Promise<ServerPeer> {
  const child = spawn(await buildGo(source("checker")), [`-content=${content.toString()}`, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await until(
    () => said.includes("\n"),
    () => "the Go server does not say where it listens",
  );
  const [origin = ""] = said.split("\n");
  return {
    origin,
    seen: async () =>
      said
        .split("\n")
        .slice(1, -1)
        .map((line) => JSON.parse(line) as Seen),
  };
}
