import { Readable } from "node:stream";

import type { Listening } from "@trailsum/testkit";
import { type Dispatcher, interceptors, request } from "undici";
import { httpServer, seen } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { agents, echoed, failure } from "./side-by-side.ts";

/** Redirects `/<status>` to `to`, or to `/` of its own, and echoes everything else. */
function redirectServer(to?: () => string): Promise<Listening> {
  return httpServer(async (incoming, response) => {
    const request_ = await seen(incoming);
    const status = Number(/^\/(3\d\d)/.exec(request_.url)?.[1] ?? 200);
    if (status === 200) response.end(JSON.stringify(request_));
    else response.writeHead(status, { location: to?.() ?? "/?there" }).end("moved");
  });
}

describe.each(agents)("%s, with redirects,", (_name, agent) => {
  const redirecting = (): Dispatcher => agent().compose(interceptors.redirect({ maxRedirections: 3 }));

  test.each([
    ["GET", 301, null, "GET", ""],
    ["GET", 302, null, "GET", ""],
    ["POST", 301, "content", "GET", ""],
    ["POST", 302, "content", "GET", ""],
    ["POST", 303, "content", "GET", ""],
    ["PUT", 301, "content", "PUT", "content"],
    ["PUT", 302, "content", "PUT", "content"],
    ["PUT", 303, "content", "GET", ""],
    ["PUT", 307, "content", "PUT", "content"],
    ["POST", 308, "content", "POST", "content"],
  ] as const)(
    "turns a %s that is answered with %i, content %j, into a %s, content %j",
    async (method, status, body, ...then) => {
      const server = await redirectServer();
      const headers = { "content-language": "en", "x-own": "1" };
      const got = await echoed(
        await request(`${server.origin}/${status}`, { dispatcher: redirecting(), method, body, headers }),
      );
      expect([got.method, got.body, got.url]).toEqual([...then, "/?there"]);
      expect(got.headers).toMatchObject({ "x-own": "1", host: `127.0.0.1:${server.port}` });
      const dropsContent = body !== null && then[0] === "GET";
      expect(got.headers["content-language"]).toBe(dropsContent ? undefined : "en");
    },
  );

  test("follows a HEAD with a HEAD", async () => {
    const server = await redirectServer();
    const { statusCode, body } = await request(`${server.origin}/303`, { dispatcher: redirecting(), method: "HEAD" });
    expect([statusCode, await body.text()]).toEqual([200, ""]);
  });

  test("follows several, and reports them", async () => {
    const steps = ["/301/b", "/302/c", "/end"];
    const server = await redirectServer(() => steps.shift()!);
    const response = await request(`${server.origin}/301/a`, { dispatcher: redirecting() });
    await response.body.dump();
    const { history } = response.context as { history: URL[] };
    expect(history.map(String)).toEqual(["/301/a", "/301/b", "/302/c", "/end"].map((path) => server.origin + path));
  });

  test("gives up after as many as allowed", async () => {
    let step = 0;
    const server = await redirectServer(() => `/302/${++step}`);
    const { statusCode, body } = await request(`${server.origin}/302/0`, { dispatcher: redirecting() });
    await body.dump();
    expect([statusCode, step]).toEqual([302, 4]);
  });

  test("sends the credentials to no other origin", async () => {
    const other = await redirectServer();
    const server = await redirectServer(() => `${other.origin}/`);
    const headers = { authorization: "Basic x", cookie: "a=b", "x-own": "1" };
    const got = await echoed(await request(`${server.origin}/302`, { dispatcher: redirecting(), headers }));
    expect(got.headers).toMatchObject({ host: `127.0.0.1:${other.port}`, "x-own": "1" });
    expect(got.headers).not.toHaveProperty("authorization");
    expect(got.headers).not.toHaveProperty("cookie");
  });

  test("does not send a stream twice: the redirect is handed over", async () => {
    const server = await redirectServer();
    const body = Readable.from(["content"]);
    const { statusCode } = await request(`${server.origin}/307`, { dispatcher: redirecting(), method: "PUT", body });
    expect(statusCode).toBe(307);
  });

  test("fails on a loop", async () => {
    const server = await redirectServer(() => "/302");
    expect(await failure(request(`${server.origin}/302`, { dispatcher: redirecting() }))).toBe("UND_ERR_INVALID_ARG");
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("uses one connection for all of them", async () => {
    const steps = ["/301/b", "/302/c", "/end"];
    const server = await redirectServer(() => steps.shift()!);
    const dispatcher = agent({ connections: 1 }).compose(interceptors.redirect({ maxRedirections: 3 }));
    await (await request(`${server.origin}/301/a`, { dispatcher })).body.dump();
    expect(server.connections()).toBe(1);
  });
});
