import { type RawConnection, type RawServer, rawClient, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, echoServer, httpServer, proxyServer, readMessage } from "./peers.ts";

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
      await connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
      await connection.readToEnd();
      connection.end();
    });
    const idle = await named("idle");
    const { port, records } = await proxyServer({ target: [busy.origin, idle.origin], balance: "least-connections" });
    const client = await rawClient(port);
    await client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    await client.readHead();
    for (let turn = 0; turn < 4; turn += 1) expect(await body(port)).toBe("idle");
    client.end();
    await busy.finished();
    await expect.poll(() => records.length).toBe(5);
  });
});

describe("a request whose target is not there goes to another one", () => {
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

describe("a target that fails", () => {
  test("so often in a row is left out, and tried again when its time is over", async () => {
    let well = false;
    const flaky = await rawServer(async (connection) => {
      await readMessage(connection);
      if (!well) connection.reset();
      else await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nflaky");
    });
    const steady = await named("steady");
    const { port } = await proxyServer({
      target: [flaky.origin, steady.origin],
      health: { maxFailures: 2, ejectedFor: 100 },
    });
    await expect.poll(async () => (await body(port), flaky.connections.length)).toBe(2);
    well = true;
    await expect.poll(() => body(port)).toBe("flaky");
  });

  test("leaves nobody when all do: 502 while they are tried, 503 when all are left out", async () => {
    const { port, records } = await proxyServer({
      target: [NOWHERE, `${NOWHERE}/2`],
      health: { maxFailures: 2, ejectedFor: 60_000 },
    });
    const statuses: string[] = [];
    for (let turn = 0; turn < 3; turn += 1) statuses.push((await ask(port, POST)).startLine.slice(9, 12));
    expect(statuses).toEqual(["502", "502", "503"]);
    await expect
      .poll(() => records.map(({ origin }) => origin))
      .toEqual(["http://127.0.0.1:1", "http://127.0.0.1:1", undefined]);
  });

  test("is not one whose clients break off, or send what cannot be sent on", async () => {
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
