import { createHash } from "node:crypto";

import {
  errorCodes,
  fieldValues,
  type Http2Peer,
  type Http2Stream,
  parseMessage,
  type RawConnection,
  rawClient,
  rawHttp2Client,
  rawHttp2Server,
  rawServer,
  requestFields,
} from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { createProxyServer } from "../src/index.ts";

/** A proxy before `origin`, and the port that it listens on. */
async function proxy(origin: string, useH2c: boolean): Promise<number> {
  const server = createProxyServer({ target: origin, listen: { port: 0 }, agent: { useH2c } });
  const { port } = await server.listen();
  onTestFinished(() => server.close({ graceMs: 0 }));
  return port;
}

/** Asks for a WebSocket as RFC 8441 says. */
async function extendedConnect(port: number): Promise<{ client: Http2Peer; stream: Http2Stream }> {
  const client = await rawHttp2Client(port);
  const { settings } = await client.untilFrame("SETTINGS");
  // SETTINGS_ENABLE_CONNECT_PROTOCOL (section 3).
  expect(settings).toContainEqual([8, 1]);
  const [method, ...others] = requestFields("CONNECT", "/path", [["sec-websocket-version", "13"]]);
  return { client, stream: await client.request([method!, [":protocol", "websocket"], ...others]) };
}

/** A server of HTTP/1.1 that switches to WebSocket, and gives each connection over from there on. */
async function switchingServer(script: (connection: RawConnection) => void | Promise<void>): Promise<string> {
  const { origin } = await rawServer(async (connection) => {
    const head = parseMessage(await connection.readHead());
    expect(head.startLine).toBe("GET /path HTTP/1.1");
    const value = (name: string): string => fieldValues(head.fieldLines, name).join(", ");
    expect([value("Upgrade"), value("Connection"), value("Sec-WebSocket-Version")]).toEqual([
      "websocket",
      "upgrade",
      "13",
    ]);
    const key = value("Sec-WebSocket-Key");
    expect(Buffer.from(key, "base64")).toHaveLength(16);
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const fields = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\nX-Why: so`;
    await connection.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`);
    await script(connection);
  });
  return origin;
}

describe("extended CONNECT to a server of HTTP/1.1", () => {
  test("is a tunnel in which each direction ends separately, the client's first", async () => {
    const origin = await switchingServer(async (connection) => {
      const heard = await connection.readToEnd();
      connection.end(`heard ${heard.toString()}`);
    });
    const { stream } = await extendedConnect(await proxy(origin, false));
    expect(await stream.untilFields()).toEqual([
      [":status", "200"],
      ["x-why", "so"],
      ["via", expect.stringMatching(/^1\.1 trailsum-/)],
      ["date", expect.any(String)],
    ]);
    await stream.body("bytes", { endStream: true });
    await stream.untilEnd();
    expect([stream.data.toString(), stream.trailers, stream.resetCode]).toEqual(["heard bytes", undefined, undefined]);
  });

  test("and the server's first", async () => {
    const heard = Promise.withResolvers<Buffer>();
    const origin = await switchingServer((connection) => {
      connection.end("last words");
      heard.resolve(connection.readToEnd());
    });
    const { stream } = await extendedConnect(await proxy(origin, false));
    await stream.untilEnd();
    expect(stream.data.toString()).toBe("last words");
    await stream.body("and then some", { endStream: true });
    expect((await heard.promise).toString()).toBe("and then some");
  });

  test("that is reset is reset at the server, and not ended", async () => {
    const switched = Promise.withResolvers<RawConnection>();
    const origin = await switchingServer((connection) => switched.resolve(connection));
    const { stream } = await extendedConnect(await proxy(origin, false));
    await stream.untilFields();
    await stream.reset();
    const connection = await switched.promise;
    await connection.closed;
    expect(connection.error).toMatchObject({ code: "ECONNRESET" });
  });

  test("whose server breaks the connection is reset with CANCEL, and not ended", async () => {
    const origin = await switchingServer(async (connection) => {
      await connection.readBytes(5);
      connection.reset();
    });
    const { client, stream } = await extendedConnect(await proxy(origin, false));
    await stream.untilFields();
    await stream.body("bytes");
    expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
    expect(stream.ended).toBe(false);
    expect(client.goaway).toBeUndefined();
  });

  test.each([
    [403, "403", "so"],
    // It would say that all after it is a tunnel.
    [200, "502", undefined],
  ])(
    "that is answered with %i and no switch is not a tunnel: %s, and others continue",
    async (answered, reported, why) => {
      const { origin } = await rawServer(async (connection) => {
        const request = parseMessage(await connection.readHead());
        const status = request.startLine.startsWith("GET /path ") ? answered : 204;
        connection.end(`HTTP/1.1 ${status} X\r\nX-Why: so\r\nConnection: close\r\n\r\n`);
      });
      const { client, stream } = await extendedConnect(await proxy(origin, false));
      const fields = new Map(await stream.untilFields());
      expect([fields.get(":status"), fields.get("x-why")]).toEqual([reported, why]);
      await stream.untilEnd();
      const next = await client.request(requestFields("GET", "/next"), { endStream: true });
      await next.untilEnd();
      expect(next.status).toBe(204);
    },
  );

  test.each([
    ["another key's acceptance", "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    ["no acceptance", ""],
  ])("that is answered with %s is not a tunnel", async (_what, accept) => {
    const { origin } = await rawServer(async (connection) => {
      await connection.readHead();
      const fields = `Connection: Upgrade\r\nUpgrade: websocket${accept}`;
      await connection.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`);
    });
    const { stream } = await extendedConnect(await proxy(origin, false));
    await stream.untilFields();
    expect(stream.status).toBe(502);
  });
});

describe("extended CONNECT for another protocol than websocket", () => {
  test.each(["h2c", "h2", "connect-udp", "connect-ip", "webtransport", "TLS/1.2", "websocket/13", "websocket, h2c"])(
    "is answered with 501, and no origin is asked: %s",
    async (protocol) => {
      const server = await rawServer(() => {});
      const client = await rawHttp2Client(await proxy(server.origin, false));
      await client.untilFrame("SETTINGS");
      const [method, ...others] = requestFields("CONNECT", "/path");
      const stream = await client.request([method!, [":protocol", protocol], ...others]);
      await stream.untilFields();
      expect(stream.status).toBe(501);
      expect(server.connections).toHaveLength(0);
    },
  );
});

/** A server of HTTP/2 that takes extended CONNECT, and gives each stream over. */
async function connectServer(script: (stream: Http2Stream) => void | Promise<void>): Promise<string> {
  const server = await rawHttp2Server(
    async (peer) => {
      const stream = await peer.accept();
      const fields = new Map(await stream.untilFields());
      const names = [":method", ":protocol", ":scheme", ":path", "sec-websocket-version"];
      expect(names.map((name) => fields.get(name))).toEqual(["CONNECT", "websocket", "http", "/path", "13"]);
      for (const name of ["upgrade", "connection", "sec-websocket-key"]) expect(fields.has(name)).toBe(false);
      await script(stream);
    },
    { settings: { ENABLE_CONNECT_PROTOCOL: 1 } },
  );
  return server.origin;
}

/** Asks for a WebSocket as RFC 6455 says, with the key of its section 1.3. */
async function upgrade(port: number): Promise<RawConnection> {
  const client = await rawClient(port);
  const fields = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
  const asking = `GET /path HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${fields}\r\n\r\n`;
  void client.write(asking);
  return client;
}

describe("an upgrade to a server of HTTP/2", () => {
  test("is a tunnel in which each direction ends separately, the client's first", async () => {
    const origin = await connectServer(async (stream) => {
      await stream.headers([[":status", "200"]]);
      await stream.untilEnd();
      await stream.body(`heard ${stream.data.toString()}`, { endStream: true });
    });
    const client = await upgrade(await proxy(origin, true));
    const head = parseMessage(await client.readHead());
    expect(head.startLine).toBe("HTTP/1.1 101 Switching Protocols");
    expect(fieldValues(head.fieldLines, "Sec-WebSocket-Accept")).toEqual(["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    client.end("bytes");
    expect((await client.readToEnd()).toString()).toBe("heard bytes");
    expect(client.error).toBeUndefined();
  });

  test("and the server's first", async () => {
    const heard = Promise.withResolvers<string>();
    const origin = await connectServer(async (stream) => {
      await stream.headers([[":status", "200"]]);
      await stream.body("last words", { endStream: true });
      await stream.untilEnd();
      heard.resolve(stream.data.toString());
    });
    const client = await upgrade(await proxy(origin, true));
    await client.readHead();
    expect((await client.readToEnd()).toString()).toBe("last words");
    client.end("and then some");
    expect(await heard.promise).toBe("and then some");
  });

  test("that the client resets is reset with CANCEL at the server, and not ended", async () => {
    const reset = Promise.withResolvers<[code: number, ended: boolean]>();
    const origin = await connectServer(async (stream) => {
      await stream.headers([[":status", "200"]]);
      reset.resolve([await stream.untilReset(), stream.ended]);
    });
    const client = await upgrade(await proxy(origin, true));
    await client.readHead();
    client.reset();
    expect(await reset.promise).toEqual([errorCodes.CANCEL, false]);
  });

  test("whose stream the server resets is reset", async () => {
    const origin = await connectServer(async (stream) => {
      await stream.headers([[":status", "200"]]);
      await stream.untilData(5);
      await stream.reset();
    });
    const client = await upgrade(await proxy(origin, true));
    await client.readHead();
    await client.write("bytes");
    await client.closed;
    expect(client.error).toMatchObject({ code: "ECONNRESET" });
  });

  test("that the server refuses is answered as the server says", async () => {
    const origin = await connectServer(async (stream) => {
      await stream.headers([
        [":status", "403"],
        ["x-why", "so"],
      ]);
      await stream.body("no", { endStream: true });
    });
    const client = await upgrade(await proxy(origin, true));
    const head = parseMessage(await client.readHead());
    expect([head.startLine, fieldValues(head.fieldLines, "X-Why")]).toEqual(["HTTP/1.1 403 Forbidden", ["so"]]);
  });

  test("which takes no extended CONNECT is answered with 501, and the server has not been asked", async () => {
    const server = await rawHttp2Server(() => {});
    const client = await upgrade(await proxy(server.origin, true));
    expect(parseMessage(await client.readHead()).startLine).toBe("HTTP/1.1 501 Not Implemented");
    expect(server.peers[0]!.streams.size).toBe(0);
  });
});
