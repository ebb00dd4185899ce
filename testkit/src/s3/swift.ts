import { spawn } from "node:child_process";
import { access, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";

import { until } from "../deadline.ts";
import type { S3Server } from "./s3-server.ts";

const program = fileURLToPath(new URL("../../swift/one-node.py", import.meta.url));
/** Debian's: another Python would not find its packages. */
const python = "/usr/bin/python3";
const needed = [python, "/usr/bin/memcached", "/usr/lib/python3/dist-packages/swift/proxy/server.py"];

/** Whether Debian's python3-swift and memcached are installed. Without them, skip visibly. */
export async function hasSwift(): Promise<boolean> {
  const found = await Promise.allSettled(needed.map((path) => access(path)));
  return found.every(({ status }) => status === "fulfilled");
}

/** Starts OpenStack Swift with its S3 API: a real object storage, on one node. */
export async function swift(): Promise<S3Server> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "trailsum-swift-")));
  // It ends with its standard input, and so with this process.
  const child = spawn(python, [program, directory], { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<void>((resolve) => void child.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await exited;
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const port = (): string | undefined => /^ready on (\d+)$/m.exec(output)?.[1];
    const describe = (): string => `Swift does not start: ${output}`;
    await until(() => port() !== undefined || child.exitCode !== null, describe, 60_000);
    const server: S3Server = {
      endpoint: `http://127.0.0.1:${port()}`,
      region: "us-east-1",
      bucket: "trailsum-test",
      credentials: { accessKeyId: "test:tester", secretAccessKey: "testing" },
      stop,
    };
    const client = new S3Client({ ...server, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: server.bucket }));
    client.destroy();
    return server;
  } catch (error) {
    await stop();
    throw new Error(`Swift does not start: ${output}`, { cause: error });
  }
}
