import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { createDirectoryStore, type Store } from "@trailsum/server";

/** What the service of every example has anyway: reports, each of them a file. */
export class Reports {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Writes a report to a file of another name, which gets its own only when the content has ended. Returns its size. */
  async save(name: string, content: Readable | ReadableStream<Uint8Array>): Promise<number> {
    await mkdir(this.#directory, { recursive: true });
    const part = join(this.#directory, `${randomUUID()}.part`);
    const file = createWriteStream(part);
    try {
      await pipeline(content, file);
      await rename(part, join(this.#directory, `${encodeURIComponent(name)}.report`));
      return file.bytesWritten;
    } finally {
      await rm(part, { force: true });
    }
  }

  /** The names of all reports. */
  async names(): Promise<string[]> {
    const files = await readdir(this.#directory).catch(() => []);
    return files.filter((file) => file.endsWith(".report")).map((file) => decodeURIComponent(file.slice(0, -7)));
  }
}

/** The reports in a directory, and a store for uploaded files beside them. */
export async function openData(directory: string): Promise<[Reports, Store]> {
  const files = join(directory, "files");
  await mkdir(files, { recursive: true });
  return [new Reports(join(directory, "reports")), await createDirectoryStore({ directory: files })];
}
