import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { certificate, FeedSource, spawnTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { content, fileOf } from "./support/content.ts";
import { filesBelow, serve } from "./support/serving.ts";

describe("-v", () => {
  test("shows heads and trailers of an upload, without credentials", async () => {
    const { url } = await serve(["--auth", "ann:secret"]);
    const target = url.replace("//", "//ann:secret@");
    const fields = ["-H", "X-Api-Key: hidden", "-H", "X-Shown: shown"];
    const { exitCode, stderr } = await trailsum(["upload", await fileOf(), `${target}/it`, "-v", "-q", ...fields]);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^1 > PUT \/it HTTP\/1\.1\n/m);
    expect(stderr).toContain("1 > Authorization: Basic (redacted)\n");
    expect(stderr).toContain("1 > X-Api-Key: (redacted)\n1 > X-Shown: shown\n");
    expect(stderr).toContain(`1 > (${content.length} bytes of content)\n1 > Md5: `);
    expect(stderr).toMatch(/^1 < 201 Created\n/m);
    for (const secret of ["secret", "hidden", Buffer.from("ann:secret").toString("base64")])
      expect(stderr).not.toContain(secret);
  });

  test("shows those of HTTP/2, and -vv the pieces of content and the frames", async () => {
    const made = await certificate();
    const { certFile, keyFile } = await made.files();
    const { url } = await serve(["--tls-cert", certFile, "--tls-key", keyFile]);
    const upload = await trailsum(["upload", await fileOf(), `${url}/it`, "-v", "-q", "--cacert", certFile]);
    expect(upload.stderr).toMatch(/^1 > :method: PUT\n/m);
    expect(upload.stderr).toMatch(/^1 > md5: [\da-f]{32}\n/m);
    const download = ["download", `${url}/it?x=y`, "-o", "it", "-vv", "-q", "--cacert", certFile];
    const { stderr } = await trailsum(download, { cwd: await tempDir() });
    expect(stderr).toContain("1 > :path: /it?x=***\n");
    expect(stderr).toMatch(/^1 < \(\d+ bytes of content\)\n/m);
    expect(upload.stderr).not.toContain("connection 1");
    const frames = [...stderr.matchAll(/^connection 1 (.*)$/gm)].map(([, text]) => text);
    expect(frames[0]).toMatch(/^> SETTINGS, \d+ bytes, .*INITIAL_WINDOW_SIZE=\d+/);
    expect(frames).toContain("> SETTINGS, 0 bytes, ACK");
    expect(frames).toContainEqual(expect.stringMatching(/^> HEADERS, stream 1, \d+ bytes, END_STREAM, END_HEADERS$/));
    expect(frames).toContainEqual(expect.stringMatching(/^< HEADERS, stream 1, \d+ bytes, END_HEADERS$/));
    expect(frames).toContainEqual(expect.stringMatching(/^< DATA, stream 1, \d+ bytes/));
  });
});

describe("an interrupt", () => {
  test("ends an upload with 130 also when another file has failed before", async () => {
    const { url } = await serve();
    const cwd = await tempDir();
    await promisify(execFile)("mkfifo", [join(cwd, "pipe")]);
    const { child, exited, stderr } = spawnTrailsum(["upload", "absent", "pipe", `${url}/`], { cwd });
    await expect.poll(stderr).toContain("absent");
    child.kill("SIGINT");
    expect((await exited).exitCode).toBe(130);
  });

  test("ends serve with 0, and running transfers after --drain", async () => {
    const serving = await serve(["--drain", "0.1"]);
    const source = new FeedSource();
    const { exited } = spawnTrailsum(["upload", "-", `${serving.url}/it`], { input: source });
    source.offer(3 * 1024 * 1024);
    const received = (): Promise<string[]> => filesBelow(join(serving.directory, ".trailsum")).catch(() => []);
    await expect.poll(async () => (await received()).join(" ")).toMatch(/staging\/|uploads\//);
    const { exitCode } = await serving.stop("SIGTERM", 8_000);
    expect(exitCode).toBe(0);
    expect((await exited).exitCode).toBe(3);
  });
});
