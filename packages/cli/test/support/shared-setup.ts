import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the tests of a file share: made in `beforeAll`, and ended in `afterAll`, last things first. */
export class SharedSetup {
  readonly #ends: (() => Promise<void>)[] = [];

  /** Has this done at the end. */
  readonly atEnd = (end: () => Promise<void>): void => {
    this.#ends.unshift(end);
  };

  /** A new, empty directory. */
  async directory(): Promise<string> {
    const path = await realpath(await mkdtemp(join(tmpdir(), "trailsum-test-")));
    this.atEnd(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
    return path;
  }

  /** Ends it all. Rejects with the first failure, when all has been tried. */
  async end(): Promise<void> {
    const failures: unknown[] = [];
    for (const end of this.#ends.splice(0)) await end().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}
