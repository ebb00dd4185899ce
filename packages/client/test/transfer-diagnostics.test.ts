import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer } from "node:http";
import { Writable } from "node:stream";

import { listen } from "@trailsum/testkit";
import type { TransferMessage } from "@trailsum/shared";
import { expect, onTestFinished, test } from "vitest";

import { download, upload } from "../src/index.ts";

/** What is published on a channel until the test has ended. */
function published(name: string): TransferMessage[] {
  const messages: TransferMessage[] = [];
  const listener = (message: unknown): void => void messages.push(message as TransferMessage);
  subscribe(name, listener);
  onTestFinished(() => void unsubscribe(name, listener));
  return messages;
}

test("a transfer is published when it begins and when it has ended, without secrets", async () => {
  const starts = published("trailsum:transfer:start");
  const ends = published("trailsum:transfer:end");
  const { origin } = await listen(
    createServer((req, res) => {
      req.resume().on("end", () => {
        if (req.url === "/refused") res.statusCode = 403;
        res.setHeader("Content-MD5", "hBotaJrYa9FhFEdFPCLG/A==");
        res.end(req.method === "GET" ? "body" : undefined);
      });
    }),
  );
  const away = new URL(`${origin}/a?token=secret`);
  await upload(away, Buffer.from("body"), { headers: { Authorization: "secret" }, delivery: "trailers" });
  await download(away, new Writable({ write: (_piece, _encoding, done) => done() }));
  await expect(upload(`${origin}/refused`, Buffer.from("body"), { delivery: "trailers" })).rejects.toThrow("refused");
  expect(ends).toMatchObject([
    { direction: "upload", url: `${origin}/a?token=***`, size: 4, mode: "trailers", error: undefined },
    { direction: "download", url: `${origin}/a?token=***`, size: 4, mode: "header", verdict: { name: "verified" } },
    { direction: "upload", url: `${origin}/refused`, error: { code: "REFUSED" } },
  ]);
  expect(starts.map((start, at) => start === ends[at])).toEqual([true, true, true]);
  expect(ends.every(({ duration }) => duration > 0)).toBe(true);
});
