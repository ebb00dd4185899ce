import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { contentFile, warmMemory } from "./content.ts";
import { goPrograms } from "./go-programs.ts";
import { program, run, type RunningServer, startServer, trailsum, type Usage } from "./subject.ts";
import { checkDigests, inTurns, medianOf, transferRows, type TransferSubject, wallTimes } from "./turns.ts";

const MIB = settings.mib ?? 1024;
const ROUNDS = 5;

const UPLOAD = "`trailsum upload`, to a sink that neither hashes nor keeps";
const OURS = "`trailsum serve`, sent to by what does not hash";
const GO = "a Go server doing the same, sent to likewise";
const BOTH = "`trailsum upload`, to `trailsum serve`";
const BOTH_GO = "the article's Go client, to that Go server";
const COPY = "`dd conv=fsync`, a copy on the same disk";

/** How long it takes to receive a large file, verify it, and have it on the disk under its name. */
export async function transferServe(directory: string): Promise<Report> {
  const servers: RunningServer[] = [];
  const started = async (command: readonly string[]): Promise<RunningServer> => {
    const server = await startServer(command);
    servers.push(server);
    return server;
  };
  try {
    const file = await contentFile(join(directory, "content"), MIB);
    const md5 = (await run(["openssl", "md5", "-r", file])).stdout.slice(0, 32);
    const go = await goPrograms();
    const [stored, storedByGo, copy] = ["stored", "stored-by-go", "copy"].map((name) => join(directory, name));
    await Promise.all([mkdir(stored!), mkdir(storedByGo!)]);
    const sink = await started(program("sink"));
    const ours = await started(await trailsum("serve", stored!, "--port", "0", "--quiet"));
    const theirs = go && (await started([go.server, storedByGo!]));

    const sent = (to: RunningServer): Promise<Usage> =>
      serverTime(to, () => run(program("raw-sender", file, `${to.url}/content`, md5)));
    const subjects: TransferSubject[] = [
      { name: UPLOAD, run: async () => run(await trailsum("upload", file, `${sink.url}/content`)) },
      { name: OURS, run: () => sent(ours) },
      ...(theirs === undefined ? [] : [{ name: GO, run: () => sent(theirs) }]),
      {
        name: BOTH,
        run: () => serverTime(ours, async () => run(await trailsum("upload", file, `${ours.url}/content`))),
      },
      ...(go === undefined || theirs === undefined
        ? []
        : [{ name: BOTH_GO, run: () => serverTime(theirs, () => run([go.client, `${theirs.url}/content`, file])) }]),
      { name: COPY, run: () => run(["dd", `if=${file}`, `of=${copy}`, "bs=1M", "conv=fsync", "status=none"]) },
    ];
    const written = [join(stored!, "content"), join(storedByGo!, "content"), copy!];
    const measured = await inTurns(subjects, {
      rounds: ROUNDS,
      async prepare() {
        await Promise.all(written.map((path) => rm(path, { force: true })));
        await warmMemory(directory, MIB);
      },
    });
    checkDigests(measured, [UPLOAD, OURS, GO, BOTH, BOTH_GO]);
    return {
      name: "transfer-serve",
      about: `A file of ${MIB} MiB, which is in memory, over loopback; each turn on memory that was just used, and nothing else to be written; medians. The processor time is the server's, where there is one.`,
      columns: ["", "seconds", "MiB/s", "part of `trailsum upload`'s rate", "part of Go's rate", "processor seconds"],
      rows: transferRows(measured, MIB, (wall) => [medianOf(measured, UPLOAD) / wall, medianOf(measured, GO) / wall]),
      plots: [wallTimes(`Receiving and storing ${MIB} MiB`, measured)],
      figures: measured,
    };
  } finally {
    await Promise.all(servers.map((server) => server.stop().catch(() => {})));
  }
}

/** What a transfer took, with the processor time of the server in place of the sender's. */
async function serverTime(server: RunningServer, transfer: () => Promise<Usage>): Promise<Usage> {
  const before = server.cpu();
  const usage = await transfer();
  return { ...usage, cpu: server.cpu() - before };
}
