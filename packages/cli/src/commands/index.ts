import type { DefinedCommand } from "../command.ts";

/** Every command, in the order in which they are listed. Each is loaded when it is needed, and of most runs one is. */
export const commands: Readonly<Record<string, () => Promise<DefinedCommand>>> = {
  upload: async () => (await import("./upload.ts")).uploadCommand,
  download: async () => (await import("./download.ts")).downloadCommand,
  serve: async () => (await import("./serve.ts")).serveCommand,
  proxy: async () => (await import("./proxy.ts")).proxyCommand,
  verify: async () => (await import("./verify.ts")).verifyCommand,
  probe: async () => (await import("./probe.ts")).probeCommand,
  completion: async () => (await import("./completion.ts")).completionCommand(loadCommands),
  demo: async () => (await import("./demo.ts")).demoCommand,
};

/** All commands. */
export function loadCommands(): Promise<DefinedCommand[]> {
  return Promise.all(Object.values(commands).map((load) => load()));
}
