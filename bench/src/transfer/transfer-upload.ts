import { join } from "node:path";

import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { contentFile } from "./content.ts";
import { goPrograms } from "./go-programs.ts";
import { program, run, startServer, trailsum } from "./subject.ts";
import { checkDigests, inTurns, medianOf, transferRows, type TransferSubject, wallTimes } from "./turns.ts";

const MIB = settings.mib ?? 4096;
const ROUNDS = 5;

const OPENSSL = "`openssl md5`";
const OURS = "`trailsum upload --digest md5`";
const OURS_BOTH = "`trailsum upload`, which is md5 and sha-256";
const GO = "the article's Go client";
const CURL = "`curl -T`, which computes no digest";

/** How long it takes to send a large file, from the start of the command to its end. */
export async function transferUpload(directory: string): Promise<Report> {
  const file = await contentFile(join(directory, "content"), MIB);
  const go = await goPrograms();
  const sink = await startServer(program("sink"));
  const url = `${sink.url}/content`;
  try {
    const subjects: TransferSubject[] = [
      { name: OPENSSL, run: () => run(["openssl", "md5", "-r", file]) },
      { name: OURS, run: async () => run(await trailsum("upload", file, url, "--digest", "md5")) },
      { name: OURS_BOTH, run: async () => run(await trailsum("upload", file, url)) },
      ...(go === undefined ? [] : [{ name: GO, run: () => run([go.client, url, file]) }]),
      { name: CURL, run: () => run(["curl", "--silent", "--show-error", "--fail", "-T", file, url]) },
    ];
    const measured = await inTurns(subjects, { rounds: ROUNDS, prepare: async () => {} });
    checkDigests(measured, [OPENSSL, OURS, OURS_BOTH, GO]);
    return {
      name: "transfer-upload",
      about: `A file of ${MIB} MiB, which is in memory, sent over loopback to a server that neither hashes nor keeps it; medians.`,
      columns: ["", "seconds", "MiB/s", "times `openssl md5`", "times md5 alone", "processor seconds"],
      rows: transferRows(measured, MIB, (wall) => [
        wall / medianOf(measured, OPENSSL),
        wall / medianOf(measured, OURS),
      ]),
      plots: [wallTimes(`Sending ${MIB} MiB`, measured)],
      figures: measured,
    };
  } finally {
    await sink.stop();
  }
}
