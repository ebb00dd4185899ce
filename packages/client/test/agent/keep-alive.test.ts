import { rawServer, echoServer, httpServer } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, test } from "vitest";

import { agents, echoed, failure, trailerAgent } from "./side-by-side.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe.each(agents)("%s keeps a connection", (_name, agent) => {
  test("for requests one after the other, of every method and with every kind of body", async () => {
    const ports = new Set<number | undefined>();
    const server = await httpServer((incoming, response) => {
      ports.add(incoming.socket.remotePort);
      incoming.resume().on("end", () => response.end("ok"));
    });
    const dispatcher = agent({ connections: 1 });
    for (const options of [
      { method: "GET" },
      { method: "PUT", body: "text" },
      { method: "POST", body: new Blob(["blob"]).stream() as unknown as string },
      { method: "PATCH", body: "" },
      { method: "DELETE" },
      { method: "OPTIONS" },
    ]) {
      const { body } = await request(server.url, { dispatcher, ...options });
      expect(await body.text()).toBe("ok");
    }
    expect(ports.size).toBe(1);
  });

  test("and says so", async () => {
    const server = await echoServer();
    const got = await echoed(await request(server.url, { dispatcher: agent() }));
    expect(got.headers["connection"]).toBe("keep-alive");
  });

  test("not after reset: true, nor after a Connection: close of either side", async () => {
    const server = await httpServer((incoming, response) => {
      if (incoming.url === "/close") response.setHeader("connection", "close");
      response.end(incoming.headers.connection);
    });
    const dispatcher = agent();
    const reset = await request(server.url, { dispatcher, reset: true });
    expect(await reset.body.text()).toBe("close");
    await expect.poll(() => server.connections()).toBe(0);
    const field = await request(server.url, { dispatcher, headers: { connection: "close" } });
    expect(await field.body.text()).toBe("close");
    await expect.poll(() => server.connections()).toBe(0);
    const theirs = await request(`${server.origin}/close`, { dispatcher });
    expect(await theirs.body.text()).toBe("keep-alive");
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("not of a server of HTTP/1.0 that does not ask for it", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(ok.replace("1.1", "1.0"));
      await connection.readToEnd();
    });
    const dispatcher = agent();
    for (let turn = 0; turn < 2; turn++) {
      const { body } = await request(server.origin, { dispatcher });
      expect(await body.text()).toBe("ok");
    }
    await server.finished();
    expect(server.connections.length).toBe(2);
  });

  test("no longer than its own time, or than the server says", async () => {
    const server = await httpServer((incoming, response) => {
      if (incoming.url === "/hint") response.setHeader("keep-alive", "timeout=1");
      response.end();
    });
    const patient = agent({ keepAliveTimeout: 60_000 });
    await (await request(`${server.origin}/hint`, { dispatcher: patient })).body.dump();
    await expect.poll(() => server.connections()).toBe(0);
    const silent = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(ok);
      await connection.readToEnd();
    });
    const brief = agent({ keepAliveTimeout: 30 });
    await (await request(silent.origin, { dispatcher: brief })).body.dump();
    await silent.finished();
  });

  test("and opens another when the server has closed it meanwhile", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      connection.end(ok);
      await connection.readToEnd();
    });
    const dispatcher = agent();
    for (let turn = 0; turn < 3; turn++) {
      const { body } = await request(server.origin, { dispatcher, method: "POST", body: "x" });
      expect(await body.text()).toBe("ok");
      await expect.poll(() => server.connections.at(-1)?.ended).toBe(true);
    }
    expect(server.connections.length).toBe(3);
  });

  test("not when unsolicited bytes come", async () => {
    const server = await rawServer(async (connection, index) => {
      await connection.readHead();
      await connection.write(index === 0 ? `${ok}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison` : ok);
      await connection.readToEnd();
    });
    const dispatcher = agent({ connections: 1 });
    for (let turn = 0; turn < 2; turn++) {
      const { body } = await request(server.origin, { dispatcher });
      expect(await body.text()).toBe("ok");
    }
    expect(server.connections.length).toBe(2);
  });

  test("not when content may still come after the answer to HEAD", async () => {
    const server = await rawServer(async (connection, index) => {
      await connection.readHead();
      if (index > 0) return connection.write(ok);
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
      // A request that came here would have it for its answer.
      await connection.readHead().catch(() => {});
      if (!connection.ended) await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
    });
    const dispatcher = agent({ connections: 1 });
    await (await request(server.origin, { dispatcher, method: "HEAD" })).body.dump();
    expect(await (await request(server.origin, { dispatcher })).body.text()).toBe("ok");
  });

  test("per origin: one server never gets what is for another", async () => {
    const servers = await Promise.all([echoServer(), echoServer(), echoServer()]);
    const dispatcher = agent();
    for (const server of [...servers, ...servers]) {
      const got = await echoed(await request(server.url, { dispatcher }));
      expect(got.headers["host"]).toBe(`127.0.0.1:${server.port}`);
    }
  });

  test("by any spelling of the origin", async () => {
    const server = await echoServer();
    const dispatcher = agent({ connections: 1 });
    const origins = [server.origin, new URL(server.origin), new URL(server.origin)];
    for (const origin of origins) {
      await (await dispatcher.request({ origin, path: "/", method: "GET" })).body.dump();
    }
    expect(server.connections()).toBeLessThanOrEqual(2);
  });
});

describe("TrailerAgent, other than undici,", () => {
  test("keeps a connection after a body to DELETE, which undici closes", async () => {
    const ports = new Set<number | undefined>();
    const server = await httpServer((incoming, response) => {
      ports.add(incoming.socket.remotePort);
      incoming.resume().on("end", () => response.end("ok"));
    });
    const dispatcher = trailerAgent();
    await (await request(server.url, { dispatcher, method: "DELETE", body: "x" })).body.dump();
    await (await request(server.url, { dispatcher })).body.dump();
    expect(ports.size).toBe(1);
  });

  test("sends an idempotent request again, once, when a kept connection closes before any answer", async () => {
    const server = await rawServer(async (connection, index) => {
      await connection.readHead();
      await connection.write(ok);
      if (index > 0) return;
      await connection.readHead();
      connection.destroy();
    });
    const dispatcher = trailerAgent();
    await (await request(server.origin, { dispatcher })).body.dump();
    const again = await request(server.origin, { dispatcher });
    expect(await again.body.text()).toBe("ok");
    expect(server.connections.length).toBe(2);
  });

  test.each([
    ["a POST", { method: "POST", body: "x" }],
    ["a GET that is declared not idempotent", { method: "GET", idempotent: false }],
  ] as const)("does not send %s again", async (_what, options) => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(ok);
      await connection.readHead();
      connection.destroy();
    });
    const dispatcher = trailerAgent();
    await (await request(server.origin, { dispatcher })).body.dump();
    expect(await failure(request(server.origin, { dispatcher, ...options }))).toBe("UND_ERR_SOCKET");
    expect(server.connections.length).toBe(1);
  });

  test("keeps the connection for a request that follows inside the end of the response", async () => {
    const server = await echoServer();
    const dispatcher = trailerAgent();
    let left = 5;
    await new Promise<void>((resolve, reject) => {
      const next = (): void => {
        dispatcher.dispatch(
          { origin: server.origin, path: "/", method: "GET" },
          {
            onRequestStart() {},
            onResponseStart() {},
            onResponseData() {},
            onResponseEnd() {
              left -= 1;
              if (left === 0) resolve();
              else next();
            },
            onResponseError: (_controller, error) => reject(error),
          },
        );
      };
      next();
    });
    expect(server.connections()).toBe(1);
  });

  test("ends a process that has nothing else to do, connections or not", async () => {
    const server = await echoServer();
    const { execFile } = await import("node:child_process");
    const { promisify } = await import("node:util");
    const program = `
      import { request } from "undici";
      import { TrailerAgent } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
      const dispatcher = new TrailerAgent({ keepAliveTimeout: 600_000 });
      const { body } = await request(${JSON.stringify(server.origin)}, { dispatcher });
      await body.dump();
      console.log("done");`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
      cwd: new URL("../..", import.meta.url),
      timeout: 10_000,
    });
    expect(stdout).toBe("done\n");
  });
});
