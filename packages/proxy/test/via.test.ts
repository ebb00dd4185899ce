import { FieldLines } from "@trailsum/shared";
import { fieldValues, rawHttp2Client, rawServer, requestFields, echoServer, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { createProxyServer } from "../src/index.ts";
import { ask, askEcho, FRONTS, lines, proxyServer, streamServer } from "./peers.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const VIA = "proxy.example";

describe.each(FRONTS)("a proxy %s:", (_front, listening) => {
  test("adds itself to Via, after the proxies before it, in requests and responses", async () => {
    const origin = await httpServer((req, res) => {
      res.writeHead(200, { via: "1.1 origin-side" }).end(JSON.stringify(lines(req.rawHeaders)));
    });
    const { port } = await listening({ target: origin.origin, via: VIA });
    const answer = await ask(port, GET.replace("\r\n\r\n", "\r\nVia: 1.0 client-side\r\n\r\n"));
    const asked = JSON.parse(answer.body.toString()) as string[];
    expect(asked.filter((line) => /^via/i.test(line))).toEqual(["Via: 1.0 client-side", `Via: 1.1 ${VIA}`]);
    expect(answer.fieldLines.filter((line) => /^via/i.test(line))).toEqual(["via: 1.1 origin-side", `Via: 1.1 ${VIA}`]);
  });

  test("has a name of its own by default", async () => {
    const origin = await echoServer();
    const [one, other] = await Promise.all([
      listening({ target: origin.origin }),
      listening({ target: origin.origin }),
    ]);
    const names = [(await askEcho(one.port, GET)).headers["via"], (await askEcho(other.port, GET)).headers["via"]];
    expect(new Set(names).size).toBe(2);
    expect(names).toEqual([expect.stringMatching(/^1\.1 trailsum-\w+$/), expect.stringMatching(/^1\.1 trailsum-\w+$/)]);
  });

  test.each([
    `Via: 1.1 ${VIA}`,
    `Via: HTTP/1.1 ${VIA.toUpperCase()} (a, comment)`,
    `Via: 1.0 first, 2.0\t${VIA}, 1.1 last`,
    `Via: 1.0 first (1.1 comment)\r\nvia: 1.1 ${VIA}`,
  ])("answers a request that has been here with 508: %s", async (field) => {
    const origin = await echoServer();
    const { port, records } = await listening({ target: origin.origin, via: VIA });
    const answer = await ask(port, GET.replace("\r\n\r\n", `\r\n${field}\r\n\r\n`));
    expect(answer.startLine).toContain(" 508 ");
    expect(fieldValues(answer.fieldLines, "Proxy-Status")).toEqual([`${VIA}; error=proxy_loop_detected`]);
    await expect.poll(() => records.map(({ error }) => error?.code)).toEqual(["LOOP_DETECTED"]);
  });

  test.each([`Via: 1.1 ${VIA}.other`, `Via: 1.1 other (1.1 ${VIA})`, `X-Via: 1.1 ${VIA}`, "Via: ,"])(
    "forwards a request that another proxy has forwarded: %s",
    async (field) => {
      const origin = await echoServer();
      const { port } = await listening({ target: origin.origin, via: VIA });
      expect((await ask(port, GET.replace("\r\n\r\n", `\r\n${field}\r\n\r\n`))).startLine).toContain(" 200 ");
    },
  );

  describe.each(["OPTIONS", "TRACE"])("Max-Forwards of %s", (method) => {
    const request = (limit: string): string =>
      `${method} /path?q HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${limit}\r\nCookie: secret\r\n\r\n`;

    test("is one less at the origin", async () => {
      const origin = await echoServer();
      const { port } = await listening({ target: origin.origin });
      expect((await askEcho(port, request("3"))).headers["max-forwards"]).toBe("2");
    });

    test("of 0 reaches no origin: the proxy answers", async () => {
      const origin = await rawServer(() => {});
      const { port, records } = await listening({ target: origin.origin });
      const answer = await ask(port, request("0"));
      expect(answer.startLine).toContain(" 200 ");
      const reflected = answer.body.toString();
      expect(reflected.startsWith("TRACE /path?q HTTP/1.1\r\nHost: a\r\n")).toBe(method === "TRACE");
      expect(reflected).not.toContain("secret");
      await expect.poll(() => records.map(({ status }) => status)).toEqual([200]);
      expect(origin.connections).toEqual([]);
    });

    test.each(["-1", "x", "1, 2", ""])("of %j is refused", async (limit) => {
      const origin = await echoServer();
      const { port } = await listening({ target: origin.origin });
      expect((await ask(port, request(limit))).startLine).toContain(" 400 ");
    });
  });

  test("Max-Forwards of another method is forwarded as it is", async () => {
    const origin = await echoServer();
    const { port } = await listening({ target: origin.origin });
    const asked = await askEcho(port, GET.replace("\r\n\r\n", "\r\nMax-Forwards: 0\r\n\r\n"));
    expect(asked.headers["max-forwards"]).toBe("0");
  });

  test("Proxy-Status says what failed, unless an errorHandler does", async () => {
    const silent = await rawServer(() => {});
    const agent = { headersTimeout: 20 };
    const [refused, late, reported] = await Promise.all([
      listening({ target: "http://127.0.0.1:1", via: "8080:a" }),
      listening({ target: silent.origin, via: VIA, agent }),
      listening({
        target: "http://127.0.0.1:1",
        errorHandler: () => ({ status: 503, header: FieldLines.from([["Proxy-Status", "mine"]]) }),
      }),
    ]);
    const statuses = [];
    for (const { port } of [refused, late, reported])
      statuses.push(...fieldValues((await ask(port, GET)).fieldLines, "Proxy-Status"));
    expect(statuses).toEqual(['"8080:a"; error=connection_refused', `${VIA}; error=http_response_timeout`, "mine"]);
  });
});

test("over HTTP/2 on both sides, Via says so, and a loop is 508", async () => {
  const origin = await streamServer(async (stream) => {
    await stream.headers([[":status", "200"]]);
    await stream.body(JSON.stringify(await stream.untilFields()), { endStream: true });
  });
  const { port } = await proxyServer({ target: origin.origin, agent: { useH2c: true }, via: VIA });
  const client = await rawHttp2Client(port);
  const first = await client.request(requestFields("GET", "/", [["via", "1.1 other"]]), { endStream: true });
  await first.untilEnd();
  const asked = JSON.parse(first.data.toString()) as [string, string][];
  expect(asked.filter(([name]) => name === "via").map(([, value]) => value)).toEqual(["1.1 other", `2.0 ${VIA}`]);
  expect(first.fields).toContainEqual(["via", `2.0 ${VIA}`]);
  const again = await client.request(requestFields("GET", "/", [["via", `2.0 ${VIA}`]]), { endStream: true });
  await again.untilEnd();
  expect(again.status).toBe(508);
  client.connection.end();
  await client.connection.closed;
});

test("a proxy whose target is itself answers 508 at the second sight of a request", async () => {
  const first = await proxyServer({ target: "http://127.0.0.1:1" });
  const { port, records } = await proxyServer({
    target: first.origin,
    rewrite: ({ out }) => {
      out.origin = `http://127.0.0.1:${port}`;
    },
  });
  expect((await ask(port, GET)).startLine).toContain(" 508 ");
  await expect.poll(() => records.length).toBe(2);
});

test.each(["", "a b", "a,b", "ä"])("a name that cannot stand in Via is a USAGE error: %j", (via) => {
  expect(() => createProxyServer({ target: "http://127.0.0.1:1", via })).toThrow(
    expect.objectContaining({ code: "USAGE" }),
  );
});
