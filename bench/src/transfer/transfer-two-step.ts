import { rm } from "node:fs/promises";
import { join } from "node:path";

import type { Report } from "../report.ts";
import { settings } from "../settings.ts";
import { contentFile, warmMemory } from "./content.ts";
import { run, startServer, trailsum, type Usage } from "./subject.ts";
import { checkDigests, inTurns, medianOf, transferRows, type TransferSubject, wallTimes } from "./turns.ts";

const MIB = settings.mib ?? 512;
const ROUNDS = 3;

const nameOf = (mode: string): string => `\`trailsum upload --delivery ${mode}\``;
const TRAILERS = nameOf("trailers");
const TWO_STEP = nameOf("two-step");

/** How long it takes to upload a pipe in one request with trailers, and in two requests without. */
export async function transferTwoStep(directory: string): Promise<Report> {
  const file = await contentFile(join(directory, "content"), MIB);
  const stored = join(directory, "stored");
  const server = await startServer(await trailsum("serve", stored, "--port", "0", "--quiet"));
  try {
    const sent = async (mode: string): Promise<Usage> => {
      const upload = await trailsum("upload", "-", `${server.url}/content`, "--delivery", mode);
      return run(["bash", "-c", 'cat "$0" | "$@"', file, ...upload]);
    };
    const subjects: TransferSubject[] = [
      { name: TRAILERS, run: () => sent("trailers") },
      { name: TWO_STEP, run: () => sent("two-step") },
    ];
    const measured = await inTurns(subjects, {
      rounds: ROUNDS,
      async prepare() {
        await rm(join(stored, "content"), { force: true });
        await warmMemory(directory, MIB);
      },
    });
    checkDigests(measured, [TRAILERS, TWO_STEP]);
    return {
      name: "transfer-two-step",
      about: `A pipe of ${MIB} MiB, which is in memory, over loopback to \`trailsum serve\`; medians. The processor time is the client's.`,
      columns: ["", "seconds", "MiB/s", "times trailers", "processor seconds"],
      rows: transferRows(measured, MIB, (wall) => [wall / medianOf(measured, TRAILERS)]),
      plots: [wallTimes(`Uploading a pipe of ${MIB} MiB`, measured)],
      figures: measured,
    };
  } finally {
    await server.stop().catch(() => {});
  }
}
