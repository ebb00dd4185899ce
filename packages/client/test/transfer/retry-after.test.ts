import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";

import { FieldLines, TrailsumError } from "@trailsum/shared";
import { expect, test } from "vitest";

import { download, upload } from "../../src/index.ts";
import { retryAfter } from "../../src/transfer/retry-after.ts";
import { pauseAfter } from "../../src/transfer/retry.ts";
import { httpServer, receiver, rejection } from "./peers.ts";

test.each<[form: string, fields: Record<string, string>, milliseconds: number | undefined]>([
  ["seconds", { "Retry-After": "120" }, 120_000],
  ["no seconds", { "Retry-After": "0" }, 0],
  ["a date", { "Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", Date: "Wed, 21 Oct 2026 07:28:00 GMT" }, 30_000],
  ["a date of long ago", { "Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT" }, 0],
  [
    "an old form of date",
    { "Retry-After": "Sunday, 06-Nov-94 08:49:37 GMT", Date: "Sun Nov  6 08:49:00 1994" },
    37_000,
  ],
  ["nothing", {}, undefined],
  ["a negative number", { "Retry-After": "-1" }, undefined],
  ["a fraction", { "Retry-After": "1.5" }, undefined],
  ["no HTTP-date", { "Retry-After": "Wed, 21 Oct 2026 09:28:30 +0200" }, undefined],
  ["a day that does not exist", { "Retry-After": "Wed, 31 Feb 2026 07:28:30 GMT" }, undefined],
  ["words", { "Retry-After": "tomorrow" }, undefined],
  ["a number of a year", { "Retry-After": "99999999999" }, undefined],
])("Retry-After is understood as %s", (_form, fields, milliseconds) => {
  expect(retryAfter(FieldLines.from(Object.entries(fields)))).toBe(milliseconds);
});

test("a pause is as long as a server asks for, up to two minutes, and never shorter than it would be", () => {
  const refused = (after?: number): TrailsumError => new TrailsumError("REFUSED", "busy", { retryAfter: after });
  expect([undefined, 0, 100, 5_000, 10 ** 12].map((after) => pauseAfter(refused(after), 0))).toEqual([
    500, 500, 500, 5_000, 120_000,
  ]);
  expect(pauseAfter(refused(), 20)).toBe(30_000);
});

test("an upload is begun again when the server asked for it, and not before", async () => {
  const at: number[] = [];
  const server = await receiver((response, _upload, index) => {
    at.push(performance.now());
    if (index === 0) response.writeHead(503, { "Retry-After": "1" }).end();
    else response.writeHead(201).end();
  });
  expect((await upload(server.origin, Buffer.from("content"), { retries: 1 })).status).toBe(201);
  expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(990);
});

test("a refusal says when the server asks to be tried again", async () => {
  const server = await receiver((response) => response.writeHead(429, { "Retry-After": "7" }).end());
  const error = await rejection(upload(server.origin, Buffer.from("content")));
  expect(error).toMatchObject({ code: "REFUSED", status: 429, retryAfter: 7_000 });
});

test("a download into a stream is tried again as long as nothing was written", async () => {
  let asked = 0;
  const server = await httpServer((_request, response) => {
    asked += 1;
    if (asked === 1) response.writeHead(503).end("busy");
    else if (asked === 2) response.destroy();
    else response.end("content");
  });
  const destination = new PassThrough();
  const [written] = await Promise.all([text(destination), download(server.origin, destination, { retries: 2 })]);
  expect(written).toBe("content");
  expect(asked).toBe(3);
});

test("a download into a stream is not tried again once something was written", async () => {
  let asked = 0;
  const server = await httpServer((_request, response) => {
    asked += 1;
    response.writeHead(200, { "Content-Length": "10" }).write("some", () => response.destroy());
  });
  const destination = new PassThrough().on("error", () => {});
  expect((await rejection(download(server.origin, destination, { retries: 2 }))).code).toBe("CONNECTION_LOST");
  expect(asked).toBe(1);
});
