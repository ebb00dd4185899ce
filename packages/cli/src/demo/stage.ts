import { randomFillSync } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";

import { failureOf } from "./scene.ts";
import { startWireTap, type WireTap } from "./wire-tap.ts";

/** The size of the file that is sent. Bytes. */
const SIZE = 8 * 1024 * 1024;

/** What every scene has: a server, a proxy in front of it that verifies what passes, and a file to send. */
export interface Stage {
  /** The file, and a directory to keep others in. */
  readonly file: string;
  readonly directory: string;
  /** The server itself. */
  readonly serverUrl: URL;
  /** Between the client and the proxy. */
  readonly front: WireTap;
  /** Between the proxy and the server. */
  readonly behind: WireTap;
  readonly signal: AbortSignal;
  /** Starts another proxy that verifies what passes, in front of `target`. It is closed with the rest. */
  readonly startProxy: (target: string) => Promise<URL>;
  /** Has something closed with the rest. */
  readonly atEnd: (close: () => Promise<void>) => void;
  /** Whether the server has such an object. */
  readonly has: (path: string) => Promise<boolean>;
  close(): Promise<void>;
}

export async function openStage(signal: AbortSignal): Promise<Stage> {
  const { createProxyServer } = await import("@trailsum/proxy");
  const { createDirectoryStore, createUploadServer } = await import("@trailsum/server");
  const { download } = await import("@trailsum/client");
  const directory = await mkdtemp(join(tmpdir(), "trailsum-demo-"));
  const closing: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    // Clients before servers.
    for (const each of closing.toReversed()) await each();
  };
  try {
    const file = join(directory, "content");
    await writeFile(file, randomFillSync(Buffer.alloc(SIZE)));
    await mkdir(join(directory, "stored"));
    const store = await createDirectoryStore({ directory: join(directory, "stored") });
    const server = createUploadServer({ store, listen: { port: 0 } });
    const { url } = await server.listen();
    closing.push(() => server.close({ graceMs: 0 }));
    const startProxy = async (target: string): Promise<URL> => {
      const proxy = createProxyServer({ target, listen: { port: 0 }, verify: "enforce" });
      closing.push(() => proxy.close({ graceMs: 0 }));
      return new URL((await proxy.listen()).url);
    };
    const behind = await startWireTap(new URL(url));
    closing.push(() => behind.close());
    const front = await startWireTap(await startProxy(behind.origin));
    closing.push(() => front.close());
    const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });
    return {
      file,
      directory,
      serverUrl: new URL(url),
      front,
      behind,
      signal,
      startProxy,
      atEnd: (other) => void closing.push(other),
      has: async (path) => (await failureOf(download(`${url}/${path}`, nowhere(), { signal })))?.status !== 404,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
