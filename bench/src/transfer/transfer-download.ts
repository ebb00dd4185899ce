import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { contentFile, warmMemory } from "./content.ts";
import { run, startServer, trailsum } from "./subject.ts";
import { checkDigests, inTurns, medianOf, transferRows, type TransferSubject, wallTimes } from "./turns.ts";

const MIB = settings.mib ?? 1024;
const ROUNDS = 5;

const OPENSSL = "`openssl sha256`";
const OURS = "`trailsum download`";
const CURL = "`curl -o`, which verifies nothing";
const CURL_AND_OPENSSL = "`curl -o`, and `openssl sha256` on what came";

/** How long it takes to fetch a large file, verify it, and have it under its name. */
export async function transferDownload(directory: string): Promise<Report> {
  const file = await contentFile(join(directory, "content"), MIB);
  const stored = join(directory, "stored");
  await mkdir(stored);
  const server = await startServer(await trailsum("serve", stored, "--port", "0", "--quiet"));
  try {
    const url = `${server.url}/content`;
    const copy = join(directory, "copy");
    await run(await trailsum("upload", file, url, "--quiet"));
    const curl = `curl --silent --show-error --fail -o ${copy} ${url}`;
    const subjects: TransferSubject[] = [
      { name: OPENSSL, run: () => run(["openssl", "sha256", "-r", file]) },
      { name: OURS, run: async () => run(await trailsum("download", url, "-o", copy)) },
      { name: CURL, run: () => run(["bash", "-c", curl]) },
      { name: CURL_AND_OPENSSL, run: () => run(["bash", "-c", `${curl} && openssl sha256 -r ${copy}`]) },
    ];
    const measured = await inTurns(subjects, {
      rounds: ROUNDS,
      async prepare() {
        await rm(copy, { force: true });
        await warmMemory(directory, MIB);
      },
    });
    checkDigests(measured, [OPENSSL, OURS, CURL_AND_OPENSSL]);
    return {
      name: "transfer-download",
      about: `${MIB} MiB from \`trailsum serve\`, which has them in memory and hashes them again as they leave, over loopback to a file; medians.`,
      columns: ["", "seconds", "MiB/s", "times `openssl sha256`", "processor seconds"],
      rows: transferRows(measured, MIB, (wall) => [wall / medianOf(measured, OPENSSL)]),
      plots: [wallTimes(`Fetching ${MIB} MiB`, measured)],
      figures: measured,
    };
  } finally {
    await server.stop();
  }
}
