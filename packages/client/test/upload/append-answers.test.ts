import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";

import { listen, tempDir } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { TrailerAgent, upload } from "../../src/index.ts";

const size = 200_000;

/** How a server answers the first append, of which it has all. It returns how much it has kept. */
type FirstAnswer = (response: ServerResponse) => number;

const kept = 60_000;
const answers: readonly (readonly [what: string, answer: FirstAnswer])[] = [
  ["409", (response) => (response.writeHead(409).end(), kept)],
  ["423, as it waits for an earlier request", (response) => (response.writeHead(423).end(), kept)],
  [
    "204, with a smaller offset",
    (response) => (response.writeHead(204, { "Upload-Offset": String(kept) }).end(), kept),
  ],
];

/** A server with one upload resource. */
async function uploadServer(first: FirstAnswer): Promise<{ origin: string; asked: string[] }> {
  const asked: string[] = [];
  let have = 0;
  let answered = false;
  const version = { "Upload-Draft-Interop-Version": "8" };
  const append = ({ headers }: IncomingMessage, response: ServerResponse, length: number): void => {
    if (!answered) {
      answered = true;
      have = first(response);
      return;
    }
    const complete = headers["upload-complete"] === "?1";
    have = Number(headers["upload-offset"]) + length;
    response.writeHead(complete ? 201 : 204, { ...version, "Upload-Offset": String(have) }).end();
  };
  const { origin } = await listen(
    createServer((request, response) => {
      const { method, headers } = request;
      let length = 0;
      request.on("data", (piece: Buffer) => (length += piece.length));
      request.on("end", () => {
        asked.push([method, headers["upload-offset"]].join(" ").trim());
        if (method === "OPTIONS") response.writeHead(204, { ...version, "Upload-Limit": "min-size=0" }).end();
        else if (method === "PATCH") append(request, response, length);
        else {
          const state = { ...version, "Upload-Offset": String(have), "Upload-Complete": "?0", Location: "/upload" };
          response.writeHead(method === "PUT" ? 201 : 204, state).end();
        }
      });
    }),
  );
  return { origin, asked };
}

test("an append that the server has not taken as a whole is continued from where the server is", async () => {
  const file = join(await tempDir(), "it");
  await writeFile(file, Buffer.alloc(size, "a"));
  const outcomes = answers.map(async ([what, answer]) => {
    const { origin, asked } = await uploadServer(answer);
    const dispatcher = new TrailerAgent();
    onTestFinished(() => dispatcher.close());
    const stateDirectory = await tempDir();
    const { status } = await upload(`${origin}/it`, file, { dispatcher, continue: true, stateDirectory, retries: 1 });
    expect({ what, status, asked: asked.slice(2) }).toEqual({
      what,
      status: 201,
      asked: ["PATCH 0", "HEAD", `PATCH ${kept}`, `PATCH ${size}`],
    });
  });
  await Promise.all(outcomes);
});

test("a lock that lasts leaves what can be continued later", async () => {
  const file = join(await tempDir(), "it");
  await writeFile(file, Buffer.alloc(size, "a"));
  const { origin, asked } = await uploadServer((response) => (response.writeHead(423).end(), kept));
  const dispatcher = new TrailerAgent();
  onTestFinished(() => dispatcher.close());
  const options = { dispatcher, continue: true, stateDirectory: await tempDir(), retries: 0 };
  await expect(upload(`${origin}/it`, file, options)).rejects.toMatchObject({
    code: "CONNECTION_LOST",
    message: expect.stringContaining("locked by another request"),
  });
  asked.length = 0;
  expect((await upload(`${origin}/it`, file, options)).status).toBe(201);
  expect(asked.filter((line) => line !== "OPTIONS")).toEqual(["HEAD", `PATCH ${kept}`, `PATCH ${size}`]);
});
