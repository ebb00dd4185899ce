import { createServer, type Server } from "node:http";

import {
  listen,
  type RawConnection,
  type RawServer,
  rawClient,
  rawServer,
  echoServer,
  httpServer,
} from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { ask, proxyServer, readMessage } from "./peers.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
const NOWHERE = "http://127.0.0.1:1";

/** An origin that answers every request, complete, with its name. */
const named = (name: string): ReturnType<typeof httpServer> =>
  httpServer((req, res) => void req.resume().on("end", () => res.end(name)));

/** An origin that reads a message, and then does this. */
const reading = (then: (connection: RawConnection) => void): Promise<RawServer> =>
  rawServer(async (connection) => {
    await readMessage(connection);
    then(connection);
  });

const body = async (port: number, request = GET): Promise<string> => (await ask(port, request)).body.toString();

describe("several targets", () => {
  test("take turns", async () => {
    const origins = await Promise.all(["a", "b", "c"].map(named));
    const { port } = await proxyServer({ target: origins.map(({ origin }) => origin) });
    const answers: string[] = [];
    for (let turn = 0; turn < 6; turn += 1) answers.push(await body(port));
    expect(answers).toEqual(["a", "b", "c", "a", "b", "c"]);
  });

  test("with least-connections get a request where the fewest are, a tunnel counting as one", async () => {
    const busy = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
      await connection.readToEnd();
      connection.end();
    });
    const idle = await named("idle");
    const { port, records } = await proxyServer({ target: [busy.origin, idle.origin], balance: "least-connections" });
    const client = await rawClient(port);
    await client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    await client.readHead();
    for (let turn = 0; turn < 4; turn += 1) expect(await body(port)).toBe("idle");
    client.end();
    await busy.finished();
    await expect.poll(() => records.length).toBe(5);
  });
});

describe("a request whose target is not there goes to another", () => {
  test.each([
    ["GET", GET],
    ["POST, with all of its content", POST],
    ["POST with a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"],
  ])("%s", async (_what, request) => {
    const there = await echoServer();
    const { port, records } = await proxyServer({ target: [NOWHERE, NOWHERE, there.origin], verify: "observe" });
    for (let turn = 0; turn < 3; turn += 1) {
      const seen = JSON.parse(await body(port, request)) as { body: string };
      expect(seen.body).toBe(request === GET ? "" : "body");
    }
    await expect.poll(() => new Set(records.map(({ origin }) => origin))).toEqual(new Set([there.origin]));
  });

  test("a GET whose connection is lost before an answer", async () => {
    const [lost, there] = await Promise.all([reading((connection) => connection.reset()), named("there")]);
    const { port } = await proxyServer({ target: [lost.origin, there.origin] });
    expect(await body(port)).toBe("there");
    expect(lost.connections.length).toBe(1);
  });

  test.each([
    ["a POST without content whose connection is lost", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"],
    ["a POST whose content has been read", POST],
    ["a PUT whose content has been read", POST.replace("POST", "PUT")],
  ])("but not %s: 502", async (_what, request) => {
    const [lost, there] = await Promise.all([reading((connection) => connection.reset()), named("there")]);
    const { port } = await proxyServer({ target: [lost.origin, there.origin] });
    expect((await ask(port, request)).startLine).toContain(" 502 ");
  });

  test("but not one that has been answered with an error", async () => {
    const [failing, there] = await Promise.all([
      httpServer((_req, res) => void res.writeHead(503).end("failing")),
      named("there"),
    ]);
    const { port } = await proxyServer({ target: [failing.origin, there.origin] });
    expect(await body(port)).toBe("failing");
  });

  test("but not one that took too long: 504", async () => {
    const [slow, there] = await Promise.all([reading(() => {}), named("there")]);
    const { port } = await proxyServer({ target: [slow.origin, there.origin], agent: { headersTimeout: 20 } });
    expect((await ask(port, GET)).startLine).toContain(" 504 ");
  });
});

describe("a target that cannot be connected to", () => {
  const health = { maxFailures: 1, ejectedFor: 100 };
  const server = (name: string): Server => createServer((req, res) => void req.resume().on("end", () => res.end(name)));
  const down = async (gone: Server): Promise<void> => {
    gone.closeAllConnections();
    await new Promise((resolve) => gone.close(resolve));
  };

  test("is left out, and used again when it is back", async () => {
    const first = server("flaky");
    const flaky = await listen(first);
    const steady = await named("steady");
    const { port } = await proxyServer({ target: [flaky.origin, steady.origin], health });
    await down(first);
    for (let turn = 0; turn < 4; turn += 1) expect(await body(port)).toBe("steady");
    const second = server("flaky").listen(flaky.port, "127.0.0.1");
    onTestFinished(() => down(second));
    await expect.poll(() => body(port)).toBe("flaky");
  });

  test("is used all the same when no other is left, so that it serves as soon as it is back", async () => {
    const first = server("back");
    const { origin, port: at } = await listen(first);
    const { port } = await proxyServer({
      target: [origin, `${NOWHERE}/2`],
      health: { maxFailures: 1, ejectedFor: 600_000 },
    });
    await down(first);
    for (let turn = 0; turn < 4; turn += 1) expect((await ask(port, POST)).startLine).toContain(" 502 ");
    const second = server("back").listen(at, "127.0.0.1");
    onTestFinished(() => down(second));
    expect([await body(port), await body(port)]).toEqual(["back", "back"]);
  });
});

describe("a target is not left out for what one request provokes:", () => {
  const PROVOKED: readonly (readonly [what: string, answer: (connection: RawConnection) => void])[] = [
    ["a lost connection", (connection) => connection.reset()],
    ["no HTTP", (connection) => void connection.write("nonsense\r\n\r\n")],
    ["a head over the limit", (connection) => void connection.write(`HTTP/1.1 200 OK\r\nA: ${"a".repeat(20_000)}\r\n`)],
    ["no answer", () => {}],
  ];
  test.each(PROVOKED)("%s", async (_what, provoked) => {
    const origin = async (name: string): Promise<RawServer> =>
      rawServer(async (connection) => {
        const { startLine } = await readMessage(connection);
        if (startLine.includes("/bug")) provoked(connection);
        else await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n${name}`);
      });
    const [a, b] = await Promise.all([origin("a"), origin("b")]);
    const { port } = await proxyServer({
      target: [a.origin, b.origin],
      health: { maxFailures: 1, ejectedFor: 600_000 },
      agent: { headersTimeout: 50 },
    });
    for (let turn = 0; turn < 4; turn += 1) {
      const { startLine } = await ask(port, GET.replace("/", "/bug"));
      expect(startLine).toMatch(/^HTTP\/1\.1 50[24] /);
    }
    expect(new Set([await body(port), await body(port)])).toEqual(new Set(["a", "b"]));
  });
});

describe("a target that fails", () => {
  test("is not one whose clients abort, or send what cannot be sent on", async () => {
    const [one, other] = await Promise.all([
      rawServer(async (connection) => void (await connection.readToEnd())),
      named("other"),
    ]);
    const { port, records } = await proxyServer({
      target: [one.origin, other.origin],
      health: { maxFailures: 1, ejectedFor: 60_000 },
    });
    for (let turn = 1; turn < 4; turn += 1) {
      const client = await rawClient(port);
      await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf");
      await expect.poll(() => one.connections.length).toBe(turn);
      client.reset();
      await expect.poll(() => records.length).toBe(2 * turn - 1);
      await ask(port, GET);
      await expect.poll(() => records.length).toBe(2 * turn);
    }
    expect(one.connections.length).toBe(3);
  });
});
