import { request } from "undici";
import { httpServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { proxyServer, trailerAgent } from "./peers.ts";

test("200 requests at once, each with its own trailers both ways: none is mixed up", async () => {
  const origin = await httpServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    response.writeHead(200, { Trailer: "X-Path, X-Heard", "X-Header": incoming.headers["x-header"] });
    for (const chunk of chunks) response.write(chunk);
    response.addTrailers([
      ["X-Path", incoming.url ?? ""],
      ["X-Heard", String(incoming.trailers["x-request"])],
    ]);
    response.end();
  });
  const { origin: url, records } = await proxyServer({
    target: origin.origin,
    verify: "observe",
    requestTrailers: "declared",
  });
  const dispatcher = trailerAgent();
  const asked = Array.from({ length: 200 }, async (_, at) => {
    const body = `${at} `.repeat(1 + ((at * 997) % 20_000));
    const response = await request(`${url}/${at}`, {
      dispatcher,
      method: "POST",
      headers: { "x-header": `header ${at}` },
      body,
      trailers: { "X-Request": `trailer ${at}` },
    });
    expect(response.headers["x-header"]).toBe(`header ${at}`);
    expect(await response.body.text()).toBe(body);
    expect(response.trailers).toEqual({ "x-path": `/${at}`, "x-heard": `trailer ${at}` });
  });
  await Promise.all(asked);
  await expect.poll(() => records.length).toBe(200);
  expect(new Set(records.map(({ target }) => target)).size).toBe(200);
});
