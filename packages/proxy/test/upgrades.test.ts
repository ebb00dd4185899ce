import { createServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";

import {
  certificate,
  listen,
  type RawConnection,
  rawClient,
  type RawServer,
  rawServer,
  echoServer,
  type SeenRequest,
} from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { createReverseProxy } from "../src/index.ts";
import { ask, countToEnd, FRONTS, mountedServer, type Proxied, proxyServer, readMessage } from "./peers.ts";

const ASK = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n";

/** What the proxy is put before: an origin that does this with every connection. */
type Script = (connection: RawConnection) => Promise<void>;

const ANSWERS: readonly (readonly [what: string, answer: string])[] = [
  ["a 200 of a known length", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"],
  [
    "a chunked 426 with a trailer",
    "HTTP/1.1 426 Upgrade Required\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-T: 1\r\n\r\n",
  ],
  ["a 103 and a 200", "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"],
];

const FAILURES: readonly (readonly [what: string, answer: string])[] = [
  ["switches to another protocol (rule 53)", SWITCH.replace("WebSocket", "y")],
  ["switches without a word of which (rule 53)", SWITCH.replace("Upgrade: WebSocket\r\n", "")],
  ["resets its connection", ""],
  ["answers with no HTTP", "nonsense\r\n\r\n"],
];

describe.each(FRONTS)("a proxy %s:", (_front, listening) => {
  const before = async (script: Script): Promise<Proxied> => listening({ target: (await rawServer(script)).origin });

  describe("rule 58, G7: bytes that are sent too early", () => {
    test("by the client, with its request, reach the origin after the switch", async () => {
      const { port } = await before(async (origin) => {
        await origin.readHead();
        await origin.write(SWITCH);
        await origin.readUntil("early and late");
        await origin.write("heard");
        await origin.readToEnd();
        origin.end();
      });
      const client = await rawClient(port);
      await client.write(`${ASK}early and`);
      await client.readHead();
      await client.write(" late");
      expect((await client.readUntil("heard")).toString()).toBe("heard");
      client.end();
      await client.readToEnd();
    });

    test("by the origin, with its 101, reach the client", async () => {
      const { port } = await before(async (origin) => {
        await origin.readHead();
        await origin.write(`${SWITCH}early`);
        origin.end(" and late");
        await origin.readToEnd();
      });
      const client = await rawClient(port);
      await client.write(ASK);
      await client.readHead();
      expect((await client.readToEnd()).toString()).toBe("early and late");
      client.end();
    });

    test("16 MiB each way at once arrive whole, and no more is taken than is passed on", async () => {
      const size = 16 * 1_048_576;
      const taken = Promise.withResolvers<number>();
      const { port } = await before(async (origin) => {
        const { length } = await origin.readHead();
        await origin.write(SWITCH);
        origin.end(Buffer.alloc(size, "o"));
        taken.resolve((await countToEnd(origin)) - length);
      });
      const client = await rawClient(port);
      await client.write(ASK);
      const { length } = await client.readHead();
      client.end(Buffer.alloc(size, "c"));
      expect(await countToEnd(client)).toBe(length + size);
      // The client is closed when the test ends: what the origin has not received by then is lost.
      expect(await taken.promise).toBe(size);
    });
  });

  describe("a tunnel", () => {
    test.each(["client", "origin"] as const)("whose %s resets is over on the other side", async (who) => {
      const over = Promise.withResolvers<void>();
      const { port, records } = await before(async (origin) => {
        await origin.readHead();
        await origin.write(SWITCH);
        if (who === "origin") origin.reset();
        else await origin.readToEnd();
        over.resolve();
      });
      const client = await rawClient(port);
      await client.write(ASK);
      await client.readHead();
      if (who === "client") client.reset();
      else await client.readToEnd();
      await over.promise;
      client.end();
      await expect.poll(() => records.map(({ status }) => status)).toEqual([101]);
    });

    test("is recorded when it is over, and not before", async () => {
      const { port, records } = await before(async (origin) => {
        await origin.readHead();
        await origin.write(SWITCH);
        await origin.readUntil("done");
        origin.end("bye");
      });
      const client = await rawClient(port);
      await client.write(ASK);
      await client.readHead();
      expect(records).toEqual([]);
      client.end("done");
      await client.readUntil("bye");
      await expect.poll(() => records.map(({ status, error }) => [status, error])).toEqual([[101, undefined]]);
    });
  });

  test.each(FAILURES)("an origin that %s gives 502, and its connection is closed", async (_what, answer) => {
    const { port, records } = await before(async (origin) => {
      await origin.readHead();
      if (answer === "") origin.reset();
      else await origin.write(answer);
      await origin.readToEnd();
    });
    const client = await rawClient(port);
    await client.write(ASK);
    expect((await readMessage(client)).startLine).toBe("HTTP/1.1 502 Bad Gateway");
    client.end();
    await expect.poll(() => records.map(({ status }) => status)).toEqual([502]);
  });

  test("a modifyResponse that puts into the 101 what may not be sent gives 502, and the origin is released", async () => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(SWITCH);
      await connection.readToEnd();
    });
    const { port, records } = await listening({
      target: origin.origin,
      modifyResponse: (response) => {
        response.header = response.header.with("X", "a\r\nX-Injected: b");
      },
    });
    const client = await rawClient(port);
    await client.write(ASK);
    const { startLine, fieldLines } = await readMessage(client);
    expect(startLine).toBe("HTTP/1.1 502 Bad Gateway");
    expect(fieldLines.join("\n")).not.toContain("X-Injected");
    client.end();
    await origin.finished();
    await expect.poll(() => records.map(({ status }) => status)).toEqual([502]);
  });

  test.each(ANSWERS)("an upgrade that the origin answers with %s gives the client that", async (_what, answer) => {
    const { port, records } = await before(async (origin) => {
      await origin.readHead();
      await origin.write(answer);
      await origin.readToEnd();
    });
    const client = await rawClient(port);
    await client.write(ASK);
    const received = (await client.readUntil(answer.slice(-8))).toString();
    client.end();
    for (const line of answer.split("\r\n")) expect(received).toContain(line.replace(/^HTTP.*(\d{3}).*/, "$1"));
    await expect.poll(() => records.map(({ error }) => error)).toEqual([undefined]);
  });

  test("rule 52, G8: an upgrade to h2c is not passed on, nor what belongs to it", async () => {
    const { port } = await before(async (origin) => {
      const { fieldLines } = await readMessage(origin);
      expect(fieldLines.join("\n")).not.toMatch(/^(upgrade|http2-settings)|h2c/im);
      await origin.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      await origin.readToEnd();
    });
    const client = await rawClient(port);
    await client.write(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    );
    const { startLine, body: content } = await readMessage(client);
    expect([startLine, content.toString()]).toEqual(["HTTP/1.1 200 OK", "ok"]);
    client.end();
  });

  test("a client that goes away before the 101 has its request ended at the origin", async () => {
    const asked = Promise.withResolvers<void>();
    const { port, records } = await before(async (origin) => {
      await origin.readHead();
      asked.resolve();
      await origin.readToEnd();
    });
    const client = await rawClient(port);
    await client.write(ASK);
    await asked.promise;
    client.reset();
    await expect
      .poll(() => records.map(({ status, error }) => [status, error?.code]))
      .toEqual([[undefined, "ABORTED"]]);
  });
});

const REFUSAL = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** An origin that refuses every upgrade, and answers everything else with what it is asked for. */
const refusing = (): Promise<RawServer> =>
  rawServer(async (connection) => {
    while (!connection.ended) {
      const from = connection.received.length;
      const { fieldLines, startLine } = await readMessage(connection, { from });
      const upgrades = fieldLines.some((line) => line.startsWith("Upgrade:"));
      if (startLine !== "")
        await connection.write(upgrades ? REFUSAL : "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
    }
  });

describe("on a connection of the proxy's own, after an upgrade that was refused,", () => {
  test("the next request is served", async () => {
    const { port } = await proxyServer({ target: (await refusing()).origin });
    const client = await rawClient(port);
    await client.write(ASK);
    expect((await client.readUntil("no")).toString()).toMatch(
      /^HTTP\/1\.1 403 Forbidden\r\n[^]*Connection: keep-alive/,
    );
    await client.write(GET);
    expect((await client.readUntil("next")).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  test("what was sent right after it is the next request", async () => {
    const { port } = await proxyServer({ target: (await refusing()).origin });
    const client = await rawClient(port);
    await client.write(ASK + GET);
    await client.readUntil("no");
    expect((await client.readUntil("next")).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  test("what was sent right after it and is not a request is refused, and does not reach the origin", async () => {
    const origin = await refusing();
    const { port } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(`${ASK}\x81\x05early`);
    expect((await client.readToEnd()).toString()).toMatch(
      /^HTTP\/1\.1 403 [^]*\r\n\r\nnoHTTP\/1\.1 400 Bad Request\r\n/,
    );
    expect(origin.connections[0]!.received.toString()).not.toContain("early");
  });
});

describe("mounted in node:http, which lets go of a connection that asks for an upgrade,", () => {
  test("the connection is closed after a refusal, and what was sent after it is forgotten", async () => {
    const { port } = await mountedServer({ target: (await refusing()).origin });
    const client = await rawClient(port);
    await client.write(ASK + GET);
    expect((await client.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 403 [^]*\r\nConnection: close\r\n[^]*\r\nno$/);
    client.end();
  });

  test("a client that keeps its side open after a refusal is not waited for", async () => {
    const { port } = await mountedServer({ target: "http://127.0.0.1:1" });
    const client = await rawClient(port);
    await client.write(ASK);
    expect((await client.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 502 /);
    // The proxy closes its own side for good: what is sent then is answered with a reset.
    await expect.poll(async () => (await client.write("x").catch(() => {}), client.error)).toBeDefined();
  });
});

describe.each(FRONTS)("rule 49: an upgrade that is ignored, through a proxy %s:", (_name, front) => {
  const OTHERS = [
    ["TLS/1.2, without content", "GET", "TLS/1.2", "", ""],
    ["TLS/1.2, with content", "POST", "TLS/1.2", "Content-Length: 4\r\n", "body"],
    ["TLS/1.2, with chunked content", "PUT", "TLS/1.2", "Transfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"],
    ["an unknown protocol, with an empty content", "POST", "tcp", "Content-Length: 0\r\n", ""],
    ["a WebSocket by POST", "POST", "websocket", "Content-Length: 0\r\n", ""],
    ["a WebSocket with content", "GET", "websocket", "Content-Length: 4\r\n", "body"],
  ] as const;

  test.each(OTHERS)("%s: the request is forwarded like any other, and so is the next", async (...row) => {
    const [, method, protocol, fields, content] = row;
    const origin = await echoServer();
    const { port } = await front({ target: origin.origin });
    const client = await rawClient(port);
    const head = `${method} /path HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\nUpgrade: ${protocol}\r\n`;
    for (let turn = 0; turn < 2; turn += 1) {
      const from = client.received.length;
      await client.write(`${head}${fields}\r\n${content}`);
      const answer = await readMessage(client, { from });
      expect(answer.startLine).toBe("HTTP/1.1 200 OK");
      const seen = JSON.parse(answer.body.toString()) as SeenRequest;
      expect([seen.method, seen.url, seen.body]).toEqual([method, "/path", content === "" ? "" : "body"]);
      expect(Object.keys(seen.headers)).not.toContain("upgrade");
      expect(Object.keys(seen.headers)).not.toContain("x-hop");
    }
    expect(origin.connections()).toBe(1);
    client.end();
  });

  test("a WebSocket with an empty content is opened", async () => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(SWITCH);
      connection.end(await connection.readUntil("ping"));
    });
    const { port } = await front({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(ASK.replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"));
    expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 101 /);
    client.end("ping");
    expect((await client.readToEnd()).toString()).toBe("ping");
  });

  test("HTTP/1.0 upgrades nothing", async () => {
    const origin = await echoServer();
    const { port } = await front({ target: origin.origin });
    const answer = await ask(port, ASK.replace("HTTP/1.1", "HTTP/1.0"));
    expect(answer.startLine).toMatch(/ 200 OK$/);
    expect(JSON.parse(answer.body.toString())).not.toHaveProperty("headers.upgrade");
  });
});

test("mounted, a request whose upgrade is ignored does not get past what is in front of the proxy", async () => {
  const origin = await echoServer();
  const proxy = createReverseProxy({ target: origin.origin });
  onTestFinished(() => proxy.close());
  const server = createServer((req, res) => {
    if (req.headers.authorization === undefined) res.writeHead(401).end();
    else void proxy(req, res);
  });
  server.on("upgrade", (req, socket, head) => void proxy.upgrade(req, socket, head));
  const { port } = await listen(server);
  const head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 4\r\n";
  expect((await ask(port, `${head}\r\nbody`)).startLine).toContain(" 401 ");
  expect((await ask(port, `${head}Authorization: x\r\n\r\nbody`)).startLine).toContain(" 200 ");
});

test("mounted in HTTPS, a request whose upgrade is ignored is served as well", async () => {
  const { cert, key } = await certificate();
  const origin = await echoServer();
  const proxy = createReverseProxy({ target: origin.origin });
  onTestFinished(() => proxy.close());
  const server = createHttpsServer({ cert, key }, (req, res) => void proxy(req, res));
  server.on("upgrade", (req, socket, head) => void proxy.upgrade(req, socket, head));
  const { port } = await listen(server);
  const client = await rawClient(port, { tls: { ca: cert } });
  await client.write(
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\nbody",
  );
  expect((await readMessage(client)).startLine).toBe("HTTP/1.1 200 OK");
  client.end();
});
