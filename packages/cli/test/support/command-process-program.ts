// Run by command-process.ts.
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

import { main } from "../../src/main.ts";
import type { CommandRequest, CommandResponse } from "./command-process.ts";

/** Collects what is written to an output in place of it; gives what came since the last time. */
function collected(output: NodeJS.WriteStream): () => Buffer {
  let pieces: Buffer[] = [];
  output.write = (piece: string | Uint8Array, ...rest: readonly unknown[]) => {
    pieces.push(Buffer.from(piece as Uint8Array));
    const written = rest.findLast((one) => typeof one === "function") as (() => void) | undefined;
    if (written !== undefined) process.nextTick(written);
    return true;
  };
  return () => {
    const all = Buffer.concat(pieces);
    pieces = [];
    return all;
  };
}

const [stdout, stderr] = [collected(process.stdout), collected(process.stderr)];

/** How many things keep this process from its end, the channel to the test included. */
const held = (): number => process.getActiveResourcesInfo().length;

const connections = new Set<Socket>();
subscribe("net.client.socket", (message) => {
  const { socket } = message as { socket: Socket };
  connections.add(socket);
  socket.once("close", () => connections.delete(socket));
});

/** Closes the connections that lie idle, as the end of a process does. */
async function closeConnections(): Promise<void> {
  const closed = Array.from(connections, (socket) => new Promise((resolve) => socket.once("close", resolve)));
  for (const socket of connections) socket.destroy();
  await Promise.all(closed);
}

async function run({ args, cwd, env }: CommandRequest): Promise<CommandResponse> {
  process.chdir(cwd);
  process.env = { ...env };
  process.exitCode = undefined;
  const heldBefore = held();
  await main(args);
  while (held() > heldBefore) await new Promise((resolve) => setTimeout(resolve, 1).unref());
  await closeConnections();
  return { exitCode: exitStatus(), stdout: stdout(), stderr: stderr().toString() };
}

function exitStatus(): number {
  return Number(process.exitCode ?? 0);
}

process.on("message", (request: CommandRequest) => void run(request).then((response) => process.send!(response)));
process.on("disconnect", () => process.exit());
