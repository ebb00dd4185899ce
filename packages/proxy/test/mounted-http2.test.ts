import {
  createSecureServer,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import type { IncomingMessage } from "node:http";

import {
  certificate,
  errorCodes,
  type Http2Peer,
  listen,
  type ParsedMessage,
  rawClient,
  rawHttp2Client,
  rawServer,
  requestFields,
  echoServer,
  httpServer,
  type SeenRequest,
} from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { createReverseProxy, type ExchangeRecord, type ReverseProxy, type ReverseProxyOptions } from "../src/index.ts";
import { readMessage, trailerAgent, webSocketSwitch } from "./peers.ts";

type Listener = (req: Http2ServerRequest, res: Http2ServerResponse, proxy: ReverseProxy) => void;

/** A proxy mounted in a node:http2 server, and a client of raw frames. */
async function mounted(
  options: ReverseProxyOptions,
  listener: Listener = (req, res, proxy) => void proxy(req, res),
): Promise<{ client: Http2Peer; server: Http2Server; port: number; proxy: ReverseProxy; records: ExchangeRecord[] }> {
  const records: ExchangeRecord[] = [];
  const proxy = createReverseProxy({ ...options, onExchange: (record) => void records.push(record) });
  onTestFinished(() => proxy.close());
  const server = createServer({ settings: { enableConnectProtocol: true } }, (req, res) => listener(req, res, proxy));
  server.on("checkContinue", proxy.checkContinue);
  server.on("connect", proxy);
  const { port } = await listen(server);
  const client = await rawHttp2Client(port);
  onTestFinished(() => client.connection.destroy());
  return { client, server, port, proxy, records };
}

/** An origin that answers like this, after it has read the whole request. */
async function answering(answer: string): Promise<{ origin: string; received: Promise<ParsedMessage> }> {
  const received = Promise.withResolvers<ParsedMessage>();
  const { origin } = await rawServer(async (connection) => {
    received.resolve(await readMessage(connection));
    await connection.write(answer);
    await connection.readToEnd();
  });
  return { origin, received: received.promise };
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("mounted in node:http2, a proxy", () => {
  test("forwards content and trailers both ways", async () => {
    const { origin, received } = await answering(
      "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 2\r\nX-Late: 3\r\n\r\n",
    );
    const { client, records } = await mounted({ target: origin });
    const stream = await client.request(requestFields("PUT", "/path?q", [["trailer", "md5"]]));
    await stream.body("content");
    await stream.endWithTrailers([
      ["md5", "9a0364b9e99bb480dd25e1f0284c8555"],
      ["x-role", "admin"],
    ]);
    await stream.untilEnd();
    const { startLine, body, trailerLines } = await received;
    expect([startLine, body.toString(), trailerLines]).toEqual([
      "PUT /path?q HTTP/1.1",
      "content",
      ["md5: 9a0364b9e99bb480dd25e1f0284c8555"],
    ]);
    expect([stream.status, stream.data.toString(), stream.trailers]).toEqual([
      200,
      "ok",
      [
        ["x-sum", "2"],
        ["x-late", "3"],
      ],
    ]);
    expect(new Map(stream.fields).get("x-a")).toBe("1");
    await expect.poll(() => records.map(({ status, error }) => [status, error])).toEqual([[200, undefined]]);
  });

  test("informs the origin who asked, and forwards a GET without content as one", async () => {
    const origin = await echoServer();
    const { client } = await mounted({ target: origin.origin });
    const stream = await client.request(requestFields("GET", "/", [["x-real-ip", "192.0.2.47"]]), { endStream: true });
    await stream.untilEnd();
    const { headers, method } = JSON.parse(stream.data.toString()) as SeenRequest;
    expect(method).toBe("GET");
    expect(headers).toMatchObject({ "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http" });
    for (const absent of ["transfer-encoding", "content-length", "x-real-ip"])
      expect(headers).not.toHaveProperty(absent);
  });

  test("relays interim responses, and waits with content for the origin's 100", async () => {
    const { origin } = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
      await connection.readUntil("content");
      await connection.write(OK);
      await connection.readToEnd();
    });
    const { client } = await mounted({ target: origin });
    const stream = await client.request(
      requestFields("POST", "/", [
        ["expect", "100-continue"],
        ["content-length", "7"],
      ]),
    );
    await client.until(() => stream.informational.length === 2 || undefined, "two interim responses");
    expect(stream.informational.map((fields) => [...fields])).toEqual([
      [
        [":status", "103"],
        ["link", "</a>"],
      ],
      [[":status", "100"]],
    ]);
    await stream.body("content", { endStream: true });
    await stream.untilEnd();
    expect(stream.data.toString()).toBe("ok");
  });

  test("keeps what middleware has set and changed: fields, URL", async () => {
    const origin = await echoServer();
    const { client } = await mounted({ target: origin.origin }, (req, res, proxy) => {
      res.setHeader("X-Middleware", "yes");
      res.setHeader("Set-Cookie", ["a=1", "b=2"]);
      req.url = req.url.replace("/api", "");
      void proxy(req, res);
    });
    for (const [asked, seen] of [
      ["/api/x?q", "/x?q"],
      ["/api", "/"],
      ["/api?q", "/?q"],
    ] as const) {
      const stream = await client.request(requestFields("GET", asked), { endStream: true });
      await stream.untilEnd();
      expect(JSON.parse(stream.data.toString())).toMatchObject({ url: seen });
      expect(stream.fields!.filter(([name]) => name === "set-cookie" || name === "x-middleware")).toEqual([
        ["x-middleware", "yes"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ]);
    }
  });

  test("reports to a log what was answered, and that it has been", async () => {
    const { origin } = await answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    const logged = Promise.withResolvers<number>();
    const { client } = await mounted({ target: origin }, (req, res, proxy) => {
      res.on("finish", () => logged.resolve(res.statusCode));
      void proxy(req, res);
    });
    const stream = await client.request(requestFields("GET", "/"), { endStream: true });
    await stream.untilEnd();
    expect([stream.status, await logged.promise]).toEqual([404, 404]);
  });

  test("serves a request that middleware has held back until its trailers had come", async () => {
    const { origin, received } = await answering(OK);
    const { client } = await mounted({ target: origin }, (req, res, proxy) => {
      req.stream.once("trailers", () => setImmediate(() => void proxy(req, res)));
    });
    const stream = await client.request(requestFields("PUT", "/"));
    await stream.body("content");
    await stream.endWithTrailers([["size", "7"]]);
    await stream.untilEnd();
    const { body, trailerLines } = await received;
    expect([body.toString(), trailerLines]).toEqual(["content", ["size: 7"]]);
  });

  test("answers 500, and sends nothing, where a body parser has read the content", async () => {
    const origin = await rawServer(async (connection) => void (await connection.readToEnd()));
    const { client, records } = await mounted({ target: origin.origin }, (req, res, proxy) => {
      req.resume().on("end", () => void proxy(req, res));
    });
    const stream = await client.request(requestFields("POST", "/"));
    await stream.body("content", { endStream: true });
    await stream.untilEnd();
    expect(stream.status).toBe(500);
    await expect.poll(() => records.map(({ error }) => error?.code)).toEqual(["INTERNAL"]);
  });

  test("resets the stream where something else has answered already, and others go on", async () => {
    const { origin } = await httpServer((_request, response) => {
      response.writeEarlyHints({ link: "</a>" });
      response.end("ok");
    });
    const { client } = await mounted({ target: origin }, (req, res, proxy) => {
      if (req.url === "/answered") res.writeHead(200).write("begun");
      void proxy(req, res);
    });
    const answered = await client.request(requestFields("GET", "/answered"), { endStream: true });
    await answered.untilReset();
    expect([answered.data.toString(), answered.ended]).toEqual(["begun", false]);
    const stream = await client.request(requestFields("GET", "/"), { endStream: true });
    await stream.untilEnd();
    expect(stream.data.toString()).toBe("ok");
  });

  test("answers 502 where the origin is not there", async () => {
    const { client } = await mounted({ target: "http://127.0.0.1:1" });
    const stream = await client.request(requestFields("GET", "/"), { endStream: true });
    await stream.untilEnd();
    expect([stream.status, new Map(stream.fields).get("content-type")]).toEqual([502, "application/problem+json"]);
  });

  test("forwards raw octets in fields as they are", async () => {
    const value = Buffer.from("attachment; filename=漏洞.txt").toString("latin1");
    const { origin } = await answering(
      `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Disposition: ${value}\r\n\r\nok`,
    );
    const { client } = await mounted({ target: origin });
    const stream = await client.request(requestFields("GET", "/"), { endStream: true });
    await stream.untilEnd();
    expect(new Map(stream.fields).get("content-disposition")).toBe(value);
  });

  test("resets the stream where the origin aborts, and other streams continue", async () => {
    const { origin } = await rawServer(async (connection) => {
      const { startLine } = await readMessage(connection);
      if (startLine.includes("/broken")) {
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin");
        connection.destroy();
      } else await connection.write(OK);
    });
    const { client } = await mounted({ target: origin });
    const broken = await client.request(requestFields("GET", "/broken"), { endStream: true });
    expect(await broken.untilReset()).toBe(errorCodes.INTERNAL_ERROR);
    expect(broken.ended).toBe(false);
    const stream = await client.request(requestFields("GET", "/"), { endStream: true });
    await stream.untilEnd();
    expect(stream.data.toString()).toBe("ok");
  });

  test.each(["before the request is complete", "while it waits for the response"])(
    "ends the request at the origin when the client resets it %s",
    async (when) => {
      const asked = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<string>();
      const { origin } = await rawServer(async (connection) => {
        await connection.readHead();
        asked.resolve();
        ended.resolve((await connection.readToEnd()).toString());
      });
      const { client, records } = await mounted({ target: origin });
      const uploads = when.startsWith("before");
      const stream = await client.request(requestFields(uploads ? "POST" : "GET", "/"), { endStream: !uploads });
      if (uploads) await stream.body("part");
      await asked.promise;
      await stream.reset();
      expect(await ended.promise).not.toMatch(/0\r\n\r\n$/);
      await expect
        .poll(() => records.map(({ status, error }) => [status, error?.code]))
        .toEqual([[undefined, "ABORTED"]]);
    },
  );

  test("reads and forgets what is left of a request that was answered early", async () => {
    const { origin } = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      connection.end();
      await connection.readToEnd();
    });
    const { client } = await mounted({ target: origin });
    const stream = await client.request(requestFields("POST", "/"));
    await stream.body("part");
    await stream.untilEnd();
    expect(stream.status).toBe(413);
    expect(await stream.untilReset()).toBe(errorCodes.NO_ERROR);
  });

  test("opens a WebSocket by extended CONNECT, and nothing else", async () => {
    const { origin } = await rawServer(async (connection) => {
      await connection.write(webSocketSwitch(await connection.readHead()));
      connection.end(`heard ${(await connection.readToEnd()).toString()}`);
    });
    const { client } = await mounted({ target: origin });
    await client.untilFrame("SETTINGS");
    const [method, ...others] = requestFields("CONNECT", "/chat");
    const tunnel = await client.request([method!, [":protocol", "websocket"], ...others]);
    await tunnel.untilFields();
    expect(tunnel.status).toBe(200);
    await tunnel.body("bytes", { endStream: true });
    await tunnel.untilEnd();
    expect(tunnel.data.toString()).toBe("heard bytes");
    const refused = await client.request([method!, [":protocol", "h2c"], ...others]);
    await refused.untilFields();
    expect(refused.status).toBe(501);
    const plain = await client.request([
      [":method", "CONNECT"],
      [":authority", "127.0.0.1:1"],
    ]);
    await plain.untilFields();
    expect(plain.status).toBe(405);
  });
});

test("mounted in a secure node:http2 server that allows HTTP/1.1, a proxy serves both, and says https", async () => {
  const { cert, key } = await certificate();
  const origin = await echoServer();
  const proxy = createReverseProxy({ target: origin.origin });
  onTestFinished(() => proxy.close());
  const server = createSecureServer({ cert, key, allowHTTP1: true }, proxy);
  server.on("upgrade", (req: IncomingMessage, socket, head) => void proxy.upgrade(req, socket, head));
  const { port, origin: url } = await listen(server);
  const { body } = await request(url, { dispatcher: trailerAgent({ connect: { ca: cert }, allowH2: true }) });
  expect(await body.json()).toMatchObject({ headers: { "x-forwarded-proto": "https" } });
  const client = await rawClient(port, { tls: { ca: cert, ALPNProtocols: ["http/1.1"] } });
  for (const upgrade of ["", "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n"]) {
    const from = client.received.length;
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${upgrade}Content-Length: 4\r\n\r\nbody`);
    const answer = await readMessage(client, { from });
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      body: "body",
      headers: { "x-forwarded-proto": "https" },
    });
  }
  client.end();
});
