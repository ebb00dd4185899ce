import { join } from "node:path";

import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { contentFile, warmMemory } from "./content.ts";
import { program, run, startServer, trailsum, type Usage } from "./subject.ts";
import { inTurns, medianOf, transferRows, type TransferSubject, wallTimes } from "./turns.ts";

const MIB = settings.mib ?? 1024;
const ROUNDS = 5;
const BUCKET = "trailsum-test";

const OURS = "`trailsum upload` to `trailsum serve s3://`";
const SDK = "`@aws-sdk/lib-storage`, directly";

/** How long it takes to put a large file into a bucket: verified on the way, or straight from the AWS SDK. */
export async function transferS3(directory: string): Promise<Report> {
  const file = await contentFile(join(directory, "content"), MIB);
  // What the SDK reads in every process here.
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
  // Fresh for each turn: it keeps everything in memory.
  const stored = async (send: (endpoint: string) => Promise<Usage>): Promise<Usage> => {
    const storage = await startServer(program("object-storage"));
    try {
      return await send(storage.url);
    } finally {
      await storage.stop();
    }
  };
  const subjects: TransferSubject[] = [
    {
      name: OURS,
      run: () =>
        stored(async (endpoint) => {
          const flags = ["--s3-endpoint", endpoint, "--port", "0", "--quiet"];
          const server = await startServer(await trailsum("serve", `s3://${BUCKET}`, ...flags));
          try {
            return await run(await trailsum("upload", file, `${server.url}/content`, "--quiet"));
          } finally {
            await server.stop();
          }
        }),
    },
    { name: SDK, run: () => stored((endpoint) => run(program("lib-storage", file, endpoint, BUCKET))) },
  ];
  const measured = await inTurns(subjects, { rounds: ROUNDS, prepare: () => warmMemory(directory, 3 * MIB) });
  return {
    name: "transfer-s3",
    about: `${MIB} MiB over loopback into a bucket of fauxqs, which keeps it in memory; medians. The processor time is that of what sends it.`,
    columns: ["", "seconds", "MiB/s", "times the AWS SDK", "processor seconds"],
    rows: transferRows(measured, MIB, (wall) => [wall / medianOf(measured, SDK)]),
    plots: [wallTimes(`Putting ${MIB} MiB into a bucket`, measured)],
    figures: measured,
  };
}
