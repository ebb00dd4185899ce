import { once } from "node:events";
import { createServer } from "node:http";
import { type Duplex, PassThrough, Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";

import { listen, rawServer, echoServer, httpServer, type SeenRequest } from "@trailsum/testkit";
import { interceptors, pipeline, stream, upgrade } from "undici";
import { describe, expect, test } from "vitest";

import { agents, failure } from "./side-by-side.ts";

const UPGRADE = "Connection: upgrade\r\nUpgrade: websocket\r\n";

function collector(): { sink: Writable; chunks: Buffer[] } {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      setImmediate(done);
    },
  });
  return { sink, chunks };
}

describe.each(agents)("%s, used by stream,", (_name, agent) => {
  test("writes the response to the given stream, as fast as that accepts it", async () => {
    const content = Buffer.alloc(1 << 20, "content ");
    const server = await httpServer((_request, response) => void response.end(content));
    const { sink, chunks } = collector();
    const opaque = { mine: true };
    const options = { dispatcher: agent(), method: "GET", opaque } as const;
    const done = await stream(server.url, options, ({ statusCode, headers, opaque: handed }) => {
      expect([statusCode, headers["content-length"], handed]).toEqual([200, String(content.length), opaque]);
      return sink;
    });
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    expect(done.opaque).toBe(opaque);
  });

  test("fails when the sink does, and closes the connection", async () => {
    const server = await httpServer((_request, response) => void response.end(Buffer.alloc(8 << 20)));
    const broken = new Error("the disk is full");
    const sink = new Writable({ write: (_chunk, _encoding, done) => done(broken) });
    expect(await failure(stream(server.url, { dispatcher: agent(), method: "GET" }, () => sink))).toBe(broken);
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("fails when no sink is given", async () => {
    const server = await echoServer();
    const none = (() => undefined) as unknown as () => Writable;
    expect(await failure(stream(server.url, { dispatcher: agent(), method: "GET" }, none))).toBe(
      "UND_ERR_INVALID_RETURN_VALUE",
    );
    await expect.poll(() => server.connections()).toBe(0);
  });
});

describe.each(agents)("%s, used by pipeline,", (_name, agent) => {
  test("sends what is written and gives what comes", async () => {
    const server = await httpServer((request, response) => void request.pipe(response));
    const piped = pipeline(server.url, { dispatcher: agent(), method: "PUT" }, ({ body }) => body);
    const content = Buffer.alloc(1 << 20, "content ");
    Readable.from([content.subarray(0, 70_000), content.subarray(70_000)]).pipe(piped);
    expect((await text(piped)).length).toBe(content.length);
  });

  test("goes through a transform", async () => {
    const server = await echoServer();
    const piped = pipeline(server.url, { dispatcher: agent(), method: "POST" }, ({ body }) =>
      body.pipe(new PassThrough()),
    );
    piped.end("hello");
    const got = JSON.parse(await text(piped)) as SeenRequest;
    expect(got).toMatchObject({ method: "POST", body: "hello" });
  });

  test("fails when its handler throws", async () => {
    const server = await echoServer();
    const wrong = new Error("no");
    const piped = pipeline(server.url, { dispatcher: agent(), method: "PUT" }, () => {
      throw wrong;
    }).end("x");
    expect(await failure(text(piped))).toBe(wrong);
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("closes the connection when it is destroyed", async () => {
    const server = await httpServer((_request, response) => void response.write("some"));
    const piped = pipeline(server.url, { dispatcher: agent(), method: "PUT" }, ({ body }) => body);
    piped.on("error", () => {});
    piped.write("x");
    await expect.poll(() => server.connections()).toBe(1);
    piped.destroy();
    await expect.poll(() => server.connections()).toBe(0);
  });
});

describe.each(agents)("%s, used by upgrade,", (_name, agent) => {
  test("hands the connection over, with what was already after the head", async () => {
    const server = await rawServer(async (connection) => {
      const head = String(await connection.readHead());
      expect(head.toLowerCase()).toContain("connection: upgrade\r\n");
      expect(head.toLowerCase()).toContain("upgrade: echo\r\n");
      await connection.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\nX-A: 1\r\n\r\nhello",
      );
      connection.end(await connection.readBytes(4));
    });
    const dispatcher = agent();
    const { headers, socket } = await upgrade(server.origin, { dispatcher, protocol: "echo" });
    expect(headers).toEqual({ connection: "upgrade", upgrade: "echo", "x-a": "1" });
    socket.end("ping");
    expect(await text(socket)).toBe("helloping");
    const other = await upgrade(server.origin, { dispatcher, protocol: "echo" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    let heard = "";
    other.socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
    other.socket.write("ping");
    await expect.poll(() => heard).toBe("helloping");
    await server.finished();
  });

  test("ends its half of the connection when the other half has ended, or later where allowHalfOpen is set", async () => {
    const server = await rawServer(async (connection, index) => {
      await connection.readHead();
      connection.end("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbye");
      expect(String(await connection.readToEnd())).toBe(index === 0 ? "" : "more");
    });
    const dispatcher = agent();
    const { socket } = await upgrade(server.origin, { dispatcher, protocol: "x" });
    expect(await text(socket)).toBe("bye");
    const other = await upgrade(server.origin, { dispatcher, protocol: "x" });
    other.socket.allowHalfOpen = true;
    expect(await text(other.socket)).toBe("bye");
    other.socket.end("more");
    await server.finished();
  });

  test("fails when the server answers as if nothing were asked", async () => {
    const server = await echoServer();
    expect(await failure(upgrade(server.origin, { dispatcher: agent() }))).toBe("UND_ERR_SOCKET");
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("closes the connection when the handler does not want it", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
      await connection.readToEnd();
    });
    const { origin } = server;
    const wrong = new Error("not this one");
    const failed = new Promise<Error>((resolve) => {
      agent().dispatch(
        { origin, path: "/", method: "GET", upgrade: "x" },
        {
          onRequestStart() {},
          onRequestUpgrade() {
            throw wrong;
          },
          onResponseError: (_controller, error) => resolve(error),
        },
      );
    });
    expect(await failed).toBe(wrong);
    await server.finished();
  });
});

describe.each(agents)("%s, used by connect,", (_name, agent) => {
  test("hands a tunnel over", async () => {
    const server = createServer();
    server.on("connect", (request, socket, head) => {
      expect(request.url).toBe("example.org:443");
      socket.write("HTTP/1.1 200 Connected\r\nX-A: 1\r\n\r\n");
      socket.end(head);
      socket.pipe(socket);
    });
    const { origin } = await listen(server);
    const { statusCode, headers, socket } = await agent().connect({ origin, path: "example.org:443" });
    expect([statusCode, headers]).toEqual([200, { "x-a": "1" }]);
    socket.resume().end();
    await once(socket, "close");
  });

  test("hands a refusal over, with the connection that it came on", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno");
      await connection.readToEnd();
    });
    const { origin } = server;
    const { statusCode, headers, socket } = await agent().connect({ origin, path: "example.org:443" });
    expect([statusCode, headers]).toEqual([407, { "content-length": "2" }]);
    socket.destroy();
    await server.finished();
  });
});

describe.each(agents)("%s, composed with interceptors,", (_name, agent) => {
  test("is used as itself, and closed as itself", async () => {
    const server = await echoServer();
    const own = agent();
    const composed = own.compose(interceptors.retry());
    const response = await composed.request({ origin: server.origin, path: "/", method: "GET" });
    await response.body.dump();
    await composed.close();
    expect(own).toMatchObject({ closed: true, destroyed: true });
    expect(composed).toMatchObject({ closed: true, destroyed: true });
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("is destroyed as itself", async () => {
    const server = await httpServer(() => {});
    const composed = agent()
      .compose(interceptors.redirect({ maxRedirections: 2 }))
      .compose(interceptors.dump());
    const answer = failure(composed.request({ origin: server.origin, path: "/", method: "GET" }));
    await expect.poll(() => server.connections()).toBe(1);
    await composed.destroy();
    expect(await answer).toBe("UND_ERR_DESTROYED");
  });
});

describe.each(agents)("%s, whose callback throws,", (_name, agent) => {
  const switching = (): ReturnType<typeof rawServer> =>
    rawServer(async (connection) => {
      const head = String(await connection.readHead());
      const [status, fields] = head.startsWith("CONNECT") ? ["200 OK", ""] : ["101 Switching Protocols", UPGRADE];
      await connection.write(`HTTP/1.1 ${status}\r\n${fields}\r\n`);
    });

  test.each(["upgrade", "connect"] as const)("fails the socket of `%s` with that error", async (method) => {
    const server = await switching();
    const wrong = new Error("thrown in the callback");
    const failed = Promise.withResolvers<unknown>();
    const onSocket = (error: Error | null, data: { socket: Duplex } | null): never => {
      if (error !== null) failed.reject(error);
      data?.socket.on("error", failed.resolve);
      throw wrong;
    };
    // undici's types leave out the origin, which an agent needs.
    const dispatcher = agent() as unknown as Record<
      typeof method,
      (options: object, callback: typeof onSocket) => void
    >;
    dispatcher[method]({ origin: server.origin, path: method === "connect" ? "host:1" : "/" }, onSocket);
    expect(await failed.promise).toBe(wrong);
    await expect.poll(() => server.connections[0]!.ended).toBe(true);
  });
});
