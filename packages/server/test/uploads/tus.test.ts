import { rawClient } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { base64, chunked, content, other, readObject, request } from "../peer.ts";
import { serve, type Serving, servers } from "./serving.ts";

const version = "Tus-Resumable: 1.0.0";
const bytes = "Content-Type: application/offset+octet-stream";
const checksum = (of: Uint8Array, algorithm = "sha1"): string =>
  `Upload-Checksum: ${algorithm} ${base64(algorithm, of)}`;
const metadata = (values: Record<string, string>): string =>
  `Upload-Metadata: ${Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString("base64")}`)
    .join(",")}`;
const appending = (offset: number): string[] => [version, bytes, `Upload-Offset: ${offset}`];

async function create(
  { send }: Serving,
  fields = [`Upload-Length: ${content.length}`],
  target = "/a",
): Promise<string> {
  const answer = await send(`POST ${target}`, [version, ...fields]);
  expect(answer.status).toBe(201);
  expect(answer.field("Tus-Resumable")).toBe("1.0.0");
  return answer.field("Location")!;
}

describe.each(servers)("a tus upload to %s", (kind) => {
  test("is created, continued where it is, and published when it is whole and every part verified", async () => {
    const serving = await serve(kind);
    const { send, store } = serving;
    const given = metadata({ filename: "été.txt", filetype: "text/x-test" });
    const location = await create(serving, [`Upload-Length: ${content.length}`, given], "/dir/");
    const [one, two] = [content.subarray(0, 5), content.subarray(5)];
    const first = await send(`PATCH ${location}`, [...appending(0), checksum(one)], one);
    expect([first.status, first.field("Upload-Offset"), first.field("Tus-Resumable")]).toEqual([204, "5", "1.0.0"]);
    expect(Date.parse(first.field("Upload-Expires")!)).toBeGreaterThan(Date.now());
    const state = await send(`HEAD ${location}`, [version]);
    expect(state.status).toBe(200);
    expect(["Upload-Offset", "Upload-Length", "Cache-Control"].map((name) => state.field(name))).toEqual([
      "5",
      String(content.length),
      "no-store",
    ]);
    expect(`Upload-Metadata: ${state.field("Upload-Metadata")}`).toBe(given);
    const last = await send(`PATCH ${location}`, [...appending(5), checksum(two, "sha256")], two);
    expect([last.status, last.field("Upload-Offset")]).toEqual([204, String(content.length)]);
    expect(await readObject(store, "dir/été.txt")).toEqual(content);
    const object = (await store.open("dir/été.txt"))!;
    await object.close();
    expect(object.fields).toEqual([["Content-Type", "text/x-test"]]);
  });

  test("may come with its content, and with its length later, and then to an object's own path", async () => {
    const serving = await serve(kind, { allowUnverified: true });
    const { send, store } = serving;
    const at = await send("POST /b", [version, bytes, `Upload-Length: ${content.length}`], content);
    expect([at.status, at.field("Upload-Offset")]).toEqual([201, String(content.length)]);
    expect(await readObject(store, "b")).toEqual(content);
    const location = await create(serving, ["Upload-Defer-Length: 1"], "/c");
    expect((await send(`HEAD ${location}`, [version])).field("Upload-Defer-Length")).toBe("1");
    await send(`PATCH ${location}`, appending(0), other);
    const end = [...appending(other.length), `Upload-Length: ${other.length}`];
    expect((await send(`PATCH ${location}`, end)).status).toBe(204);
    expect(await readObject(store, "c")).toEqual(other);
    const empty = await send("POST /d", [version, "Upload-Length: 0"]);
    expect(empty.status).toBe(201);
    expect(await readObject(store, "d")).toEqual(Buffer.alloc(0));
  });

  test("without a name gets its id for one", async () => {
    const serving = await serve(kind, { allowUnverified: true });
    const location = await create(serving, undefined, "/dir/");
    await serving.send(`PATCH ${location}`, appending(0), content);
    expect(await readObject(serving.store, `dir/${location.split("/").at(-1)}`)).toEqual(content);
  });

  test.each([
    ["../../etc/passwd", 403],
    ["a\0b", 400],
    [".trailsum", 403],
    [".hidden", 403],
    ["x".repeat(300), 400],
  ])("cannot have the name %j", async (filename, status) => {
    const { send } = await serve(kind);
    const answer = await send("POST /", [version, "Upload-Length: 1", metadata({ filename })]);
    expect(answer.status).toBe(status);
  });

  test.each([
    ["differs", [checksum(other)], content, 460],
    [
      "differs, as a trailer",
      ["Transfer-Encoding: chunked", "Trailer: Upload-Checksum"],
      chunked([content], [checksum(other)]),
      460,
    ],
    [
      "was announced and never came",
      ["Transfer-Encoding: chunked", "Trailer: Upload-Checksum"],
      chunked([content]),
      400,
    ],
    ["is of an unknown algorithm", ["Upload-Checksum: sha3 AAAA"], content, 400],
    ["is no base64", ["Upload-Checksum: sha1 ?"], content, 400],
  ])("discards the content of an append whose checksum %s", async (_what, fields, body, status) => {
    const serving = await serve(kind);
    const location = await create(serving);
    const answer = await serving.send(`PATCH ${location}`, [...appending(0), ...fields], body);
    expect(answer.status).toBe(status);
    expect((await serving.send(`HEAD ${location}`, [version])).field("Upload-Offset")).toBe("0");
    const good = [...appending(0), "Transfer-Encoding: chunked", "Trailer: Upload-Checksum"];
    expect((await serving.send(`PATCH ${location}`, good, chunked([content], [checksum(content)]))).status).toBe(204);
    expect(await readObject(serving.store, "a")).toEqual(content);
  });

  test("discards a part with a checksum that was cut, and keeps one without", async () => {
    const serving = await serve(kind);
    const location = await create(serving);
    for (const [fields, kept] of [
      [[checksum(content)], "0"],
      [[], "7"],
    ] as const) {
      const client = await rawClient(serving.port);
      const head = [...appending(0), ...fields, `Content-Length: ${content.length}`];
      await client.write(request(`PATCH ${location}`, head, content.subarray(0, 7)));
      await expect
        .poll(async () => (await serving.send(`HEAD ${location}`, [version])).field("Upload-Offset"))
        .toBe(kept);
      await client.readToEnd();
    }
  });

  test.each([
    [content, 204],
    [other, 400],
  ])("is published if it has the digest in its metadata, and only then", async (sent, status) => {
    const serving = await serve(kind);
    const digest = Buffer.from(base64("sha256", content), "base64").toString("hex");
    const given = metadata({ checksum: `sha256 ${digest}` });
    const location = await create(serving, [`Upload-Length: ${content.length}`, given]);
    expect((await serving.send(`PATCH ${location}`, appending(0), sent)).status).toBe(status);
    expect(await readObject(serving.store, "a")).toEqual(status === 204 ? content : undefined);
  });

  test("is gone if nothing verified it, as it would look complete", async () => {
    const serving = await serve(kind);
    const location = await create(serving);
    const answer = await serving.send(`PATCH ${location}`, appending(0), content);
    expect([answer.status, answer.json.verdict]).toEqual([400, "unverified"]);
    expect((await serving.send(`HEAD ${location}`, [version])).status).toBe(404);
  });

  test("is refused for another version, media type, offset or length, and can be cancelled", async () => {
    const serving = await serve(kind);
    const { send } = serving;
    const location = await create(serving);
    for (const fields of [["Tus-Resumable: 0.2.2"], [bytes, "Upload-Offset: 0"]]) {
      const answer = await send(`PATCH ${location}`, fields, content);
      expect([answer.status, answer.field("Tus-Version")]).toEqual([412, "1.0.0"]);
    }
    expect((await send(`PATCH ${location}`, [version, "Upload-Offset: 0"], content)).status).toBe(415);
    expect((await send(`PATCH ${location}`, appending(1), content)).status).toBe(409);
    expect((await send(`PATCH ${location}`, appending(0), Buffer.alloc(100))).status).toBe(400);
    for (const fields of [[], ["Upload-Length: 1", "Upload-Defer-Length: 1"], ["Upload-Length: -1"]]) {
      expect((await send("POST /x", [version, ...fields])).status).toBe(400);
    }
    // Clients that know no PATCH and no DELETE.
    const patched = await send(
      `POST ${location}`,
      [...appending(0), "X-HTTP-Method-Override: PATCH"],
      content.subarray(0, 3),
    );
    expect([patched.status, patched.field("Upload-Offset")]).toEqual([204, "3"]);
    expect((await send(`POST ${location}`, [version, "X-HTTP-Method-Override: DELETE"])).status).toBe(204);
    expect((await send(`HEAD ${location}`, [version])).status).toBe(404);
  });
});

test.each(servers)("a client of tus may repeat what it does not know to be done, on %s", async (kind) => {
  const serving = await serve(kind);
  const { send } = serving;
  const location = await create(serving);
  expect((await send(`PATCH ${location}`, [...appending(0), checksum(content)], content)).status).toBe(204);
  // The answer was lost: 409 makes the client ask for the offset, and an append without content is done already.
  const repeated = await send(`PATCH ${location}`, [...appending(0), checksum(content)], content);
  expect(repeated.status).toBe(409);
  const empty = await send(`PATCH ${location}`, appending(content.length));
  expect([empty.status, empty.field("Upload-Offset")]).toEqual([204, String(content.length)]);
  expect((await send(`PATCH ${location}`, appending(content.length), "more")).status).toBe(400);
});

test.each(servers)("every response to a client of tus names the version, refusals too, on %s", async (kind) => {
  const serving = await serve(kind);
  const { send } = serving;
  const location = await create(serving);
  const unknown = location.replace(/.{8}$/, "00000000");
  for (const [line, fields, status] of [
    [`HEAD ${location}`, [version], 200],
    [`HEAD ${unknown}`, [version], 404],
    [`PATCH ${location}`, appending(3), 409],
    [`PATCH ${location}`, [version, "Content-Type: text/plain", "Upload-Offset: 0"], 415],
    [`GET ${location}`, [version], 405],
    [`HEAD ${location}`, ["Tus-Resumable: 0.2.2"], 412],
    ["POST /a", [version], 400],
  ] as const) {
    const answer = await send(line, fields);
    expect([line, answer.status, answer.field("Tus-Resumable")]).toEqual([line, status, "1.0.0"]);
  }
});

test("an upload that is larger than is accepted is refused before its content", async () => {
  const { send } = await serve("our server", { maxSize: 10 });
  expect((await send("POST /a", [version, "Upload-Length: 11"])).status).toBe(413);
});
