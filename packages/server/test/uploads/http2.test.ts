import { once } from "node:events";
import { type ClientHttp2Stream, connect, createServer } from "node:http2";

import { describe, expect, onTestFinished, test } from "vitest";

import { createMemoryStore, createUploadServer, type Store, type UploadStore } from "../../src/index.ts";
import { base64, content, handling, readObject } from "../peer.ts";

async function serve(kind: string) {
  const store = createMemoryStore();
  if (kind === "node:http2") return { store, port: (await handling(createServer(), { store })).port };
  const server = createUploadServer({ store, listen: { port: 0 } });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return { store, port: (await server.listen()).port };
}

describe.each(["our server", "node:http2"])("over HTTP/2, an upload resource of %s", (kind) => {
  test("is announced by 104, reports progress, keeps what arrived, and is completed", async () => {
    const { port, store } = await serve(kind);
    const session = connect(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    const bytes = Buffer.alloc(10 * 1024 * 1024, content);
    const draft = { "upload-draft-interop-version": "8", "upload-complete": "?1" };

    const first = session.request({ ":method": "PUT", ":path": "/a", ...draft });
    const informed: Record<string, unknown>[] = [];
    first.on("headers", (headers) => informed.push(headers)).on("error", () => {});
    // In pieces: a client of Node's takes no headers while more than 10 MB wait.
    for (let at = 0; at < bytes.length - 7; at += 65_536) {
      // oxlint-disable-next-line no-await-in-loop -- each waits for the one before
      if (!first.write(bytes.subarray(at, Math.min(at + 65_536, bytes.length - 7)))) await once(first, "drain");
    }
    await expect.poll(() => informed.some((headers) => "upload-offset" in headers)).toBe(true);
    expect(informed[0]).toMatchObject({ ":status": 104, "upload-draft-interop-version": "8" });
    const location = String(informed[0]!["location"]);
    const reported = Number(informed.at(-1)!["upload-offset"]);
    expect(reported).toBeGreaterThan(0);
    await expect
      .poll(async () => {
        // Another request to it cuts the first.
        const state = await answer(session.request({ ":method": "HEAD", ":path": location }));
        return state["upload-offset"];
      })
      .toSatisfy((offset) => Number(offset) >= reported);
    if (!first.closed) await once(first, "close");

    const { "upload-offset": offset } = await answer(session.request({ ":method": "HEAD", ":path": location }));
    const rest = session.request({
      ":method": "PATCH",
      ":path": location,
      ...draft,
      "content-type": "application/partial-upload",
      "upload-offset": String(offset),
      "repr-digest": `sha-256=:${base64("sha256", bytes)}:`,
    });
    rest.end(bytes.subarray(Number(offset)));
    expect(await answer(rest)).toMatchObject({ ":status": 201, "upload-complete": "?1" });
    expect((await readObject(store, "a"))!.equals(bytes)).toBe(true);
  });
});

async function answer(stream: ClientHttp2Stream): Promise<Record<string, unknown>> {
  stream.resume();
  if (stream.writable) stream.end();
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  return headers;
}

test("an upload in two steps is not read again to be completed", async () => {
  const inner = createMemoryStore();
  let reads = 0;
  const uploads: UploadStore = {
    create: (...given) => inner.uploads.create(...given),
    entries: () => inner.uploads.entries(),
    take: (...given) => inner.uploads.take(...given),
    free: () => inner.uploads.free(),
    async open(id) {
      const upload = await inner.uploads.open(id);
      if (upload === undefined || Object.hasOwn(upload, "read")) return upload;
      const read = upload.read.bind(upload);
      upload.read = (options) => {
        reads += 1;
        return read(options);
      };
      return upload;
    },
  };
  const store: Store = { ...inner, uploads };
  const server = createUploadServer({ store, listen: { port: 0 } });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const { url } = await server.listen();
  const draft = { "Upload-Draft-Interop-Version": "8" };
  const send = async (algorithm: string): Promise<number> => {
    const staged = await fetch(`${url}/a`, {
      method: "PUT",
      headers: { ...draft, "Upload-Complete": "?0" },
      body: content,
    });
    const completed = await fetch(new URL(staged.headers.get("Location")!, url), {
      method: "PATCH",
      headers: {
        ...draft,
        "Content-Type": "application/partial-upload",
        "Upload-Offset": String(content.length),
        "Upload-Complete": "?1",
        "Repr-Digest": `${algorithm}=:${base64(algorithm.replace("-", ""), content)}:`,
      },
    });
    return completed.status;
  };
  expect([await send("sha-256"), await send("md5"), reads]).toEqual([201, 200, 0]);
  // What was not computed has to be.
  expect([await send("sha-512"), reads]).toEqual([200, 1]);
});
