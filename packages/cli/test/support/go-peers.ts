import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { buildGo, until } from "@trailsum/testkit";
import { onTestFinished } from "vitest";

import { content } from "./content.ts";
import type { Answer, Seen, ServerPeer } from "./peers.ts";
import type { TrailerCase } from "./trailer-case.ts";

const source = (name: string): string => fileURLToPath(new URL(`../go/${name}.go`, import.meta.url));

/** Builds both programs: a first build takes longer than a test may. */
export async function buildGoPeers(): Promise<void> {
  await buildGo(source("sender"));
  await buildGo(source("checker"));
}

/** Uploads `content` with Go's client, and trailers as the case says. */
export async function sendWithGo(url: string, told: TrailerCase): Promise<Answer> {
  const program = await buildGo(source("sender"));
  const flags = [`-url=${url}`, `-md5=${told.md5}`, `-size=${told.size}`, `-announce=${told.announced}`];
  const child = spawn(program, flags, { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  child.stdin.end(content);
  return JSON.parse(await text(child.stdout)) as Answer;
}

/** A server on Go's net/http that checks uploads and gives `content` away. */
export async function serveWithGo(): Promise<ServerPeer> {
  const child = spawn(await buildGo(source("checker")), [`-content=${content.toString()}`], {
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
