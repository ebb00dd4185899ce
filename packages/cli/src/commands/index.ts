import type { DefinedCommand } from "../command.ts";
import type { CommandEntry } from "../manual/command-entry.ts";

/** A command that is loaded when it is needed: of most runs one is, and of `--help` none. */
interface Listed {
  readonly describe: string;
  readonly load: () => Promise<DefinedCommand>;
}

/** Every command, in the order in which they are listed. */
export const commands: Readonly<Record<string, Listed>> = {
  upload: {
    describe: "send files, directories or standard input (-) to a URL, followed by their digests as trailers",
    load: async () => (await import("./upload.ts")).uploadCommand,
  },
  download: {
    describe: "fetch URLs, and keep the content only if its digests match",
    load: async () => (await import("./download.ts")).downloadCommand,
  },
  serve: {
    describe: "accept verified uploads and serve them for download",
    load: async () => (await import("./serve.ts")).serveCommand,
  },
  proxy: {
    describe: "forward requests to one or more servers, with trailers in both directions",
    load: async () => (await import("./proxy.ts")).proxyCommand,
  },
  verify: {
    describe: "read stored files again, and report what no longer matches its digests",
    load: async () => (await import("./verify.ts")).verifyCommand,
  },
  probe: {
    describe: "find out what survives the path to a server and back, and how uploads are delivered on it",
    load: async () => (await import("./probe.ts")).probeCommand,
  },
  completion: {
    describe: "print a script that makes a shell complete commands, flags and their values",
    load: async () => (await import("./completion.ts")).completionCommand(loadCommands),
  },
  demo: {
    describe: "run client, proxy and server, show what crosses each hop, and reject damaged uploads",
    load: async () => (await import("./demo.ts")).demoCommand,
  },
};

/** All commands. */
export function loadCommands(): Promise<(DefinedCommand & CommandEntry)[]> {
  return Promise.all(Object.keys(commands).map(loadCommand));
}

/** The command of this name, which is one of `commands`. */
export async function loadCommand(name: string): Promise<DefinedCommand & CommandEntry> {
  const { describe, load } = commands[name]!;
  return { name, describe, ...(await load()) };
}
