import { createHash } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { hostileHttp2Clients, requestFields, startTrailsum, tempDir } from "@trailsum/testkit";
import { onTestFinished } from "vitest";

import { createDirectoryStore, createUploadServer } from "../src/index.ts";

const content = "not much";
const md5 = createHash("md5").update(content).digest("hex");

hostileHttp2Clients("the upload server", {
  async listen() {
    const directory = await tempDir();
    const server = createUploadServer({ store: await createDirectoryStore({ directory }), listen: { port: 0 } });
    const { port } = await server.listen();
    onTestFinished(() => server.close());
    const accepted = async (): Promise<string[]> => (await readdir(directory)).filter((name) => name !== ".trailsum");
    return { port, accepted };
  },

  async spawn() {
    const directory = await tempDir();
    await writeFile(join(directory, "large"), Buffer.alloc(2 * 1024 * 1024));
    // What is held is to be measured, and not how long the collector takes its time with what is garbage already.
    const options = { nodeArgs: ["--max-semi-space-size=1"] };
    const { url, child } = await startTrailsum(["serve", directory, "--port", "0"], options);
    return { port: Number(new URL(url).port), pid: child.pid! };
  },

  put: (name) => ({
    fields: requestFields("PUT", `/${encodeURIComponent(name)}`, [["trailer", "md5"]]),
    content,
    trailers: [["md5", md5]],
  }),
  get: requestFields("GET", "/large"),
});
