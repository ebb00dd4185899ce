import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { rawClient, tempDir } from "@trailsum/testkit";
import { type HttpRequest, Upload, type UploadOptions } from "tus-js-client";
import { describe, expect, test } from "vitest";

import { answerOf, readObject, readResponse, request } from "../peer.ts";
import { serve } from "./serving.ts";

const bytes = randomBytes(1_000_000);

/** Uploads with tus-js-client, and resolves when it is done. */
function tusUpload(options: UploadOptions): Promise<Upload> {
  const { promise, resolve, reject } = Promise.withResolvers<Upload>();
  const upload = new Upload(bytes, {
    retryDelays: null,
    metadata: { filename: "of-tus-js.bin", filetype: "application/x-test" },
    ...options,
    onError: reject,
    onSuccess: () => resolve(upload),
  });
  upload.start();
  return promise;
}

describe("tus-js-client", () => {
  test("uploads in parts, with a checksum of each, to a server that requires digests", async () => {
    const { port, store } = await serve();
    const withChecksum = (req: HttpRequest): void => {
      if (req.getMethod() !== "PATCH") return;
      const offset = Number(req.getHeader("Upload-Offset"));
      const part = bytes.subarray(offset, offset + 300_000);
      req.setHeader("Upload-Checksum", `sha256 ${createHash("sha256").update(part).digest("base64")}`);
    };
    const endpoint = `http://127.0.0.1:${port}/dir/`;
    await tusUpload({ endpoint, chunkSize: 300_000, onBeforeRequest: withChecksum });
    expect((await readObject(store, "dir/of-tus-js.bin"))!.equals(bytes)).toBe(true);
  });

  test("continues an upload that was cut, without checksums", async () => {
    const { port, store } = await serve("our server", { allowUnverified: true });
    const endpoint = `http://127.0.0.1:${port}/`;
    const url = await new Promise<string>((resolve, reject) => {
      const upload: Upload = new Upload(bytes, {
        endpoint,
        chunkSize: 300_000,
        metadata: { filename: "cut" },
        onError: reject,
        onChunkComplete: () => void upload.abort().then(() => resolve(upload.url!), reject),
      });
      upload.start();
    });
    expect(await readObject(store, "cut")).toBeUndefined();
    await tusUpload({ uploadUrl: url });
    expect((await readObject(store, "cut"))!.equals(bytes)).toBe(true);
  });
});

const run = promisify(execFile);
const hasTuspy = await run("/usr/bin/python3", ["-c", "import tusclient"]).then(
  () => true,
  () => false,
);

describe.skipIf(!hasTuspy)("python3-tuspy", () => {
  const program = `
import sys
from tusclient.client import TusClient
url, path, stop = sys.argv[1:4]
client = TusClient(url)
uploader = client.uploader(path, chunk_size=300000, upload_checksum=True, metadata={"filename": "of-tuspy"})
uploader.upload(stop_at=300000 if stop == "stop" else None)
again = client.uploader(path, chunk_size=300000, upload_checksum=True, url=uploader.url)
again.upload()
`;

  test.each(["whole", "stop"])("uploads with a checksum of each part: %s", async (stop) => {
    const { port, store } = await serve();
    const path = join(await tempDir(), "file");
    await writeFile(path, bytes);
    const args = stop === "whole" ? program.replace(/again[\s\S]*$/, "") : program;
    await run("/usr/bin/python3", ["-c", args, `http://127.0.0.1:${port}/`, path, stop]);
    expect((await readObject(store, "of-tuspy"))!.equals(bytes)).toBe(true);
  });
});

describe("a client that sends what URLSession of iOS 26 sends", () => {
  test("continues where its connection was lost", async () => {
    const { port, send, store } = await serve("our server", { allowUnverified: true });
    const fields = [
      "Upload-Draft-Interop-Version: 8",
      "Upload-Complete: ?1",
      `Upload-Length: ${bytes.length}`,
      `Content-Length: ${bytes.length}`,
      "Content-Type: image/heic",
      "Accept: */*",
    ];
    const client = await rawClient(port);
    await client.write(request("POST /photo", fields, bytes.subarray(0, 500_000)));
    const location = answerOf(await readResponse(client)).field("Location")!;
    client.reset();
    const state = await send(`HEAD ${location}`, ["Upload-Draft-Interop-Version: 8", "Accept: */*"]);
    const offset = Number(state.field("Upload-Offset"));
    expect(offset).toBeLessThanOrEqual(500_000);
    const rest = [
      "Upload-Draft-Interop-Version: 8",
      "Upload-Complete: ?1",
      `Upload-Offset: ${offset}`,
      "Content-Type: application/partial-upload",
    ];
    const answer = await send(`PATCH ${location}`, rest, bytes.subarray(offset));
    expect([answer.status, answer.field("Upload-Complete")]).toEqual([201, "?1"]);
    expect((await readObject(store, "photo"))!.equals(bytes)).toBe(true);
    const object = (await store.open("photo"))!;
    await object.close();
    expect(object.fields).toEqual([["Content-Type", "image/heic"]]);
  });
});
