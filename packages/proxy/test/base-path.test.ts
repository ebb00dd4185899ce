import * as fc from "fast-check";
import { rawHttp2Client, rawServer, requestFields, echoServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { hasParentSegment } from "../src/request/parent-segment.ts";
import { ask, askEcho, FRONTS, proxyServer } from "./peers.ts";

/** Paths that some server reads as one that begins above the base. */
const LEAVING = `/.. /../ /../private /a/../../private /./../private //../private /..//private
  /%2e%2e/private /%2E./private /.%2e/private /%2e%2e%2fprivate /..%2fprivate /..%2Fprivate /a%2f..%2f..%2fprivate
  /..\\private /..\\..\\private /\\..\\private /..%5cprivate /%2e%2e%5Cprivate /a\\..\\..\\private
  /..;/private /..;a=b/private /%2e%2e;/private /..%3b/private /..%3Ba/private /..;%2fprivate /..%3f/private /..%23/private
  /%252e%252e/private /%252e%252e%252fprivate /..%252fprivate /..%255cprivate /%25252e%25252e/private
  /%252525252525252e./private
  /..%00/private /.%00./private /..%20/private /..%09/private /%0d%0a../private /..%7f/private
  /%u002e%u002e/private /..%u2215/../private /..%u002fprivate /%uff0e%uff0e/private
  /%c0%ae%c0%ae/private /.%c0%ae/private /..%c0%afprivate /..%c1%9cprivate /%e0%80%ae./private
  /%ef%bc%8e%ef%bc%8e/private /..%ef%bc%8fprivate`.split(/\s+/);

/** Paths that only look like it. */
const STAYING = `/ /a /... /..a /a.. /.a./b /. /./a /.well-known/x /a..b/c /..a%2fb /%2e%2ea /%2ehidden /a;v=.. /a;../b
  /100%25 /%ff%00 /%zz /%2 /a%2520b /%25252525 /日 /a%u00 /x%2f%2f /..%e2%82%ac`.split(/\s+/);

describe.each(FRONTS)("in front of a target with a path, a proxy %s (rule 28)", (_name, front) => {
  test("refuses each path that could lead out of it with 400, and asks no origin", async () => {
    const origin = await rawServer(() => {});
    const { port } = await front({ target: `${origin.origin}/base` });
    for (const path of LEAVING) {
      const { startLine } = await ask(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(`${path}: ${startLine}`).toBe(`${path}: HTTP/1.1 400 Bad Request`);
    }
    expect(origin.connections).toHaveLength(0);
  });

  test("refuses them with a query, of an upgrade, and of an absolute target", async () => {
    const origin = await rawServer(() => {});
    const { port } = await front({ target: `${origin.origin}/base/?x` });
    for (const head of [
      "GET /../private?q HTTP/1.1\r\nHost: a\r\n",
      "GET http://a/../private HTTP/1.1\r\nHost: a\r\n",
      "GET /../private HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: close, upgrade\r\n",
    ]) {
      expect((await ask(port, `${head}\r\n`)).startLine).toBe("HTTP/1.1 400 Bad Request");
    }
    expect(origin.connections).toHaveLength(0);
  });

  test("forwards what only looks like it, byte for byte", async () => {
    const origin = await echoServer();
    const { port } = await front({ target: `${origin.origin}/base` });
    for (const path of STAYING.filter((one) => /^[!-~]+$/.test(one))) {
      const { url } = await askEcho(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(url).toBe(`/base${path}`);
    }
  });

  test("leaves paths as they are where the target has none", async () => {
    const origin = await echoServer();
    const { port } = await front({ target: origin.origin });
    for (const path of ["/../a", "/%2e%2e/a", "/..;/a"]) {
      const { url } = await askEcho(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(url).toBe(path);
    }
  });
});

test("over HTTP/2 a path that could lead out of the target's is refused with 400", async () => {
  const origin = await rawServer(() => {});
  const { port } = await proxyServer({ target: `${origin.origin}/base` });
  const client = await rawHttp2Client(port);
  for (const path of ["/../private", "/%2e%2e/private", "/..\\private"]) {
    const stream = await client.request(requestFields("GET", path), { endStream: true });
    await stream.untilEnd();
    expect(stream.status).toBe(400);
  }
  client.connection.destroy();
  expect(origin.connections).toHaveLength(0);
});

describe("a .. segment", () => {
  test.each(LEAVING)("is in %s", (path) => expect(hasParentSegment(path)).toBe(true));
  test.each(STAYING)("is not in %s", (path) => expect(hasParentSegment(path)).toBe(false));

  test("is found by whatever way it is spelled, wherever it stands", () => {
    const dot = fc.constantFrom(".", "%2e", "%2E", "%252e", "%c0%ae", "%u002e");
    const seam = fc.constantFrom("/", "\\", "%2f", "%5c", "%252F", "%u002f");
    const rest = fc.constantFrom("", "a", "a/b", "%20", "a;b", "%25");
    fc.assert(
      fc.property(rest, seam, dot, dot, seam, rest, (before, left, one, two, right, after) => {
        expect(hasParentSegment(`/${before}${left}${one}${two}${right}${after}`)).toBe(true);
      }),
    );
  });

  test("is looked for in time that grows with the length alone", () => {
    const nested = `/%${"25".repeat(8_000)}2e`;
    expect(hasParentSegment(nested)).toBe(true);
    expect(hasParentSegment(`/${"./".repeat(8_000)}`)).toBe(false);
    expect(hasParentSegment(`/${".\0".repeat(8_000)}`)).toBe(false);
  });
});
