import { createServer, type ServerHttp2Session } from "node:http2";

import { listen } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { http2Agent, send } from "./exchanging.ts";

/** A server that reads nothing of what goes to `/slow`, and answers everything else; it notes its sessions. */
async function server(): Promise<{ origin: string; sessions: ServerHttp2Session[]; opened: () => number }> {
  const sessions: ServerHttp2Session[] = [];
  let opened = 0;
  const http2 = createServer().on("session", (session) => sessions.push(session));
  http2.on("sessionError", () => {});
  http2.on("stream", (stream, { ":path": path }) => {
    opened += 1;
    stream.on("error", () => {});
    if (path === "/slow") return void stream.pause();
    stream.resume().on("end", () => stream.respond({ ":status": 200 }));
    if (path === "/long") return;
    stream.on("end", () => stream.end("ok"));
  });
  const { origin } = await listen(http2);
  return { origin, sessions, opened: () => opened };
}

test("400 uploads that are given up fail nobody else's request, and wear no session out", async () => {
  const { origin, sessions, opened } = await server();
  const agent = http2Agent();
  const body = Buffer.alloc(1_000_000);
  const long = send(agent, { origin }, { path: "/long" });
  await expect.poll(() => long.told.status).toBe(200);
  for (let count = 1; count <= 400; count += 1) {
    const before = opened();
    const upload = send(agent, { origin }, { method: "PUT", path: "/slow", body });
    await expect.poll(opened, { interval: 1 }).toBe(before + 1);
    upload.controller.abort(new Error("given up"));
    await upload.ended;
    if (count % 40 !== 0) continue;
    expect((await send(agent, { origin }, { path: "/good" }).ended).status).toBe(200);
  }
  // Sessions that took no more requests have gone, all but the one that still carries something.
  expect(sessions.length).toBeGreaterThan(1);
  await expect.poll(() => sessions.filter(({ destroyed }) => !destroyed).length).toBe(2);
  expect(sessions[0]!.destroyed).toBe(false);
  expect(long.told.error).toBeUndefined();
  long.controller.abort(new Error("over"));
  await long.ended;
}, 60_000);

test("1,200 downloads that are cancelled fail nobody else's request", async () => {
  const { origin } = await server();
  const agent = http2Agent();
  for (let round = 0; round < 12; round += 1) {
    const cancelled = Array.from({ length: 100 }, () => send(agent, { origin }, { path: "/long" }));
    for (const { controller, ended } of cancelled) {
      controller.abort(new Error("cancelled"));
      await ended;
    }
    expect((await send(agent, { origin }, { path: "/good" }).ended).content).toBe("ok");
  }
});
