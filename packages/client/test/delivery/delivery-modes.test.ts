import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { TrailerAgent, upload, type UploadOptions, type UploadResult } from "../../src/index.ts";
import { receiver, rejection } from "../transfer/peers.ts";
import { contractServer } from "./contract-server.ts";

const text = "content ".repeat(20_000);

/** A source that can be read once. */
function* pipe(): Generator<string> {
  yield text.slice(0, 1000);
  yield text.slice(1000);
}

/** A source that can be read again, and is too large to be read at once. */
async function file(): Promise<string> {
  const path = join(await tempDir(), "file");
  await writeFile(path, text);
  return path;
}

/** Paths are known by dispatcher: each test has its own. */
function fresh(): UploadOptions {
  const dispatcher = new TrailerAgent();
  onTestFinished(() => dispatcher.close());
  return { dispatcher };
}

const delivered = ({ delivery: { mode, attempts } }: UploadResult): string => `${mode}, sent ${attempts}`;

describe("auto, from a pipe, when nothing is known", () => {
  test("probes, and sends trailers where they are kept", async () => {
    const { origin, asked, stored } = await contractServer({ path: "keeps" });
    const result = await upload(`${origin}/it`, pipe(), fresh());
    expect(asked).toEqual(["OPTIONS /it", "PUT /it"]);
    expect([delivered(result), stored.get("/it") === text]).toEqual(["trailers, sent 1", true]);
    expect(result.delivery.reason).toBe("the path keeps trailers: those of a probe arrived");
  });

  test.each([
    ["drops", ["OPTIONS /it"], "the path drops trailers: those of a probe did not arrive"],
    ["kills", ["OPTIONS /it", "OPTIONS /it"], "trailers end the connection: a probe ended the connection"],
    ["refuses", ["OPTIONS /it", "OPTIONS /it"], "trailers end the connection: a probe was answered 502"],
  ] as const)("probes, and delivers in two steps where the path %s them", async (path, questions, reason) => {
    const { origin, asked, stored } = await contractServer({ path });
    const options = fresh();
    const result = await upload(`${origin}/it`, pipe(), options);
    expect(asked).toEqual([...questions, "PUT /it", "PATCH /.trailsum/uploads/ID"]);
    expect([delivered(result), stored.get("/it") === text]).toEqual(["two-step, sent 1", true]);
    expect([result.delivery.reason, result.confirmedBy]).toEqual([reason, "server"]);
    // What was learned is used for the next one.
    asked.length = 0;
    await upload(`${origin}/other`, pipe(), options);
    expect(asked.filter((line) => !line.startsWith("OPTIONS"))).toEqual(["PUT /other", "PATCH /.trailsum/uploads/ID"]);
  });

  test("sends a server that is not a trailsum nothing that it was not sent before", async () => {
    const server = await receiver();
    const result = await upload(server.url, pipe(), fresh());
    expect(delivered(result)).toBe("trailers, sent 1");
    const names = server.uploads.flatMap(({ header }) => [...header].map(([name]) => name.toLowerCase()));
    expect(names.filter((name) => name.startsWith("upload-"))).toEqual([]);
    expect(server.uploads.map(({ method, complete }) => [method, complete])).toEqual([["PUT", true]]);
  });
});

describe("auto, when trailers are lost on an upload", () => {
  test("completes what the server has kept, and sends nothing twice", async () => {
    const { origin, asked, stored, headers } = await contractServer({ path: "drops" });
    const result = await upload(`${origin}/it`, await file(), {
      ...fresh(),
      headers: { Authorization: "Bearer x", "If-None-Match": "*" },
    });
    expect(asked).toEqual(["PUT /it", "PATCH /.trailsum/uploads/ID"]);
    expect([delivered(result), stored.get("/it") === text]).toEqual(["two-step, sent 1", true]);
    expect(result.delivery.reason).toContain("the path dropped the trailers of this upload");
    expect(headers.map((header) => header.has("Authorization"))).toEqual([true, true]);
    expect(headers.map((header) => header.has("If-None-Match"))).toEqual([true, false]);
    expect([...headers[0]!].some(([name]) => /^upload-/i.test(name))).toBe(false);
  });

  test("sends a file with its digests in the header where the server keeps nothing", async () => {
    const { origin, asked, stored } = await contractServer({ path: "drops", uploads: false });
    const result = await upload(`${origin}/it`, await file(), fresh());
    expect(asked).toEqual(["PUT /it", "OPTIONS /it", "PUT /it"]);
    expect([delivered(result), stored.get("/it") === text]).toEqual(["header, sent 2", true]);
  });

  test("reports what was seen of a pipe that cannot be sent again, and what to do", async () => {
    const { origin, stored } = await contractServer({ path: "drops", uploads: false, probe: true });
    const error = await rejection(upload(`${origin}/it`, pipe(), fresh()));
    expect([error.code, stored.size]).toEqual(["DIGEST_MISSING", 0]);
    expect(error.message).toContain("the path drops trailers: those of a probe did not arrive");
    expect(error.message).toContain("write it to a file");
  });

  test("sends a file in two steps where the connection ends at the trailers", async () => {
    const { origin, asked, stored } = await contractServer({ path: "kills" });
    const options = fresh();
    const result = await upload(`${origin}/it`, await file(), options);
    expect(asked).toEqual(["PUT /it", "OPTIONS /it", "PUT /it", "PATCH /.trailsum/uploads/ID"]);
    expect([delivered(result), stored.get("/it") === text]).toEqual(["two-step, sent 2", true]);
    // A small source needs no second request.
    const small = await upload(`${origin}/small`, Buffer.from("small"), options);
    expect([delivered(small), stored.get("/small")]).toEqual(["header, sent 1", "small"]);
  });

  test("completes the upload resource of a 104 where the connection ends at the trailers", async () => {
    const { origin, asked, stored } = await contractServer({ path: "kills", interim: true });
    // Known as keeping trailers, from before the path changed.
    const passages = new Map([[origin, "kept" as const]]);
    const paths = { get: (at: string) => passages.get(at), set: () => {} };
    const options = fresh();
    // Asked before, so that it is known to understand upload resources.
    await upload(`${origin}/first`, pipe(), { ...options, delivery: "two-step" });
    asked.length = 0;
    const second = await upload(`${origin}/second`, pipe(), { ...options, paths });
    expect(delivered(second)).toBe("two-step, sent 1");
    expect(stored.get("/second")).toBe(text);
    expect(asked.slice(-3)).toEqual(["PUT /second", "HEAD /.trailsum/uploads/ID", "PATCH /.trailsum/uploads/ID"]);
  });

  test("fails as before where the server does not know upload resources and the connection ends", async () => {
    const { origin, asked } = await contractServer({ path: "kills", uploads: false });
    const error = await rejection(upload(`${origin}/it`, await file(), fresh()));
    expect([error.code, asked]).toEqual(["CONNECTION_LOST", ["PUT /it", "OPTIONS /it"]]);
  });
});

describe("a mode that is asked for", () => {
  test("trailers, is used alone: what loses them is refused", async () => {
    const { origin, asked } = await contractServer({ path: "drops" });
    const error = await rejection(upload(`${origin}/it`, await file(), { ...fresh(), delivery: "trailers" }));
    expect([error.code, asked]).toEqual(["DIGEST_MISSING", ["PUT /it"]]);
  });

  test("header, has the digests and the length before the content", async () => {
    const { origin, headers, stored } = await contractServer({ path: "kills" });
    const options = { ...fresh(), delivery: "header" } as const;
    const result = await upload(`${origin}/it`, await file(), options);
    expect([delivered(result), stored.get("/it") === text]).toEqual(["header, sent 1", true]);
    expect(headers[0]!.get("Content-Length")).toBe(String(text.length));
    expect(headers[0]!.has("Trailer")).toBe(false);
    expect((await rejection(upload(`${origin}/pipe`, pipe(), options))).code).toBe("USAGE");
  });

  test("two-step, is used where the server has upload resources", async () => {
    const { origin, asked, stored } = await contractServer({ path: "kills" });
    const result = await upload(`${origin}/it`, pipe(), { ...fresh(), delivery: "two-step" });
    expect(asked).toEqual(["OPTIONS /it", "PUT /it", "PATCH /.trailsum/uploads/ID"]);
    expect([delivered(result), stored.get("/it") === text]).toEqual(["two-step, sent 1", true]);
  });

  test("two-step, sends nothing to a server that does not say that it has upload resources", async () => {
    const { origin, asked } = await contractServer({ path: "keeps", uploads: false });
    const error = await rejection(upload(`${origin}/it`, pipe(), { ...fresh(), delivery: "two-step" }));
    expect([error.code, asked]).toEqual(["NOT_SUPPORTED", ["OPTIONS /it"]]);
  });
});

test("a file that changes between its two readings is not stored", async () => {
  const { origin, stored } = await contractServer({ path: "keeps" });
  let reading = 0;
  const source = new Blob([text]);
  source.stream = () => new Blob([text.slice(0, -1), String((reading += 1))]).stream();
  const error = await rejection(upload(`${origin}/it`, source, { ...fresh(), delivery: "header" }));
  expect([error.code, stored.size]).toEqual(["FILE_CHANGED", 0]);
});
