import { type RawConnection, rawServer, type RawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { content, record } from "./recording.ts";

const FIRST = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst";
const SECOND = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond";
const FORGED = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";

/** A server whose first connection does what `script` says once the request is there, and whose others answer SECOND. */
function serverThat(script: (connection: RawConnection) => void | Promise<void>): Promise<RawServer> {
  return rawServer(async (connection, index) => {
    await connection.readHead();
    if (index === 0) await script(connection);
    else await connection.write(SECOND);
  });
}

describe("the server sends more than one response to one request", () => {
  test.each([
    ["with a length", FIRST],
    ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n"],
    ["in chunks with trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\nA: b\r\n\r\n"],
    ["without content", "HTTP/1.1 204 No Content\r\n\r\n"],
  ])("%s: the second answers nothing", async (_name, first) => {
    const server = await serverThat((connection) => connection.write(first + FORGED));
    const agent = trailerAgent({ connections: 1 });
    const one = await record(agent, server.origin).ended;
    const two = await record(agent, server.origin).ended;
    expect(one.error).toBeUndefined();
    expect(content(two)).toBe("second");
    expect(server.connections).toHaveLength(2);
    await server.connections[0]!.readToEnd();
  });

  test("and the next request waits already: the second answers nothing", async () => {
    const server = await serverThat((connection) => connection.write(FIRST + FORGED));
    const agent = trailerAgent({ connections: 1 });
    const one = record(agent, server.origin);
    const two = record(agent, server.origin);
    expect(content(await one.ended)).toBe("first");
    expect(content(await two.ended)).toBe("second");
  });

  test.each(["onHead", "onData"] as const)("and the reader pauses (%s): the second answers nothing", async (moment) => {
    const server = await serverThat((connection) => connection.write(FIRST + FORGED));
    const agent = trailerAgent({ connections: 1 });
    const one = record(agent, server.origin, { [moment]: (controller: { pause(): void }) => controller.pause() });
    await one.answered;
    one.controller.resume();
    expect(content(await one.ended)).toBe("first");
    expect(content(await record(agent, server.origin).ended)).toBe("second");
    expect(server.connections).toHaveLength(2);
  });

  test("to HEAD, as if it had been GET: the content answers nothing", async () => {
    const server = await serverThat((connection) => connection.write(FIRST.replace("first", "HTTP/")));
    const agent = trailerAgent({ connections: 1 });
    const one = await record(agent, server.origin, { method: "HEAD" }).ended;
    expect({ ...one, body: content(one) }).toMatchObject({ error: undefined, status: 200, body: "" });
    expect(content(await record(agent, server.origin).ended)).toBe("second");
  });
});

describe("the server sends bytes on an idle connection", () => {
  test.each([
    ["a response", FORGED],
    ["a 408, as some do before they close", "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"],
    ["an empty line", "\r\n"],
    ["one byte", "H"],
  ])("%s: it is closed, and the next request has another", async (_name, bytes) => {
    const go = Promise.withResolvers<void>();
    const server = await serverThat(async (connection) => {
      await connection.write(FIRST);
      await go.promise;
      await connection.write(bytes);
    });
    const agent = trailerAgent({ connections: 1 });
    expect(content(await record(agent, server.origin).ended)).toBe("first");
    go.resolve();
    await server.connections[0]!.readToEnd();
    expect(content(await record(agent, server.origin).ended)).toBe("second");
    expect(server.connections).toHaveLength(2);
  });
});

describe("as the next request begins, and before any of it has left, the server", () => {
  /** From here on sockets are looked at before anything leaves: the turn of the event loop has just begun. */
  const timers = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5));

  const requests: readonly (readonly [name: string, options: { method?: "POST"; body?: string }])[] = [
    ["GET", {}],
    ["POST, which cannot be repeated once it was sent", { method: "POST", body: "some content" }],
  ];

  test.each(requests)("sends a response: it answers nothing (%s)", async (_name, options) => {
    const server = await serverThat((connection) => connection.write(FIRST));
    const agent = trailerAgent({ connections: 1 });
    expect(content(await record(agent, server.origin).ended)).toBe("first");
    await timers();
    void server.connections[0]!.write(FORGED);
    expect(content(await record(agent, server.origin, options).ended)).toBe("second");
    expect(server.connections).toHaveLength(2);
    await server.connections[0]!.readToEnd();
    expect(server.connections[0]!.received.toString("latin1")).not.toContain("some content");
  });

  test.each(requests)("closes the connection: the request takes another (%s)", async (_name, options) => {
    const server = await serverThat((connection) => connection.write(FIRST));
    const agent = trailerAgent({ connections: 1 });
    expect(content(await record(agent, server.origin).ended)).toBe("first");
    await timers();
    server.connections[0]!.socket.end();
    expect(content(await record(agent, server.origin, options).ended)).toBe("second");
    expect(server.connections).toHaveLength(2);
  });
});

test("a server that speaks first is not understood", async () => {
  const server = await rawServer((connection) => connection.write("220 mail.example ESMTP\r\n\r\n"));
  const { error } = await record(trailerAgent(), server.origin).ended;
  expect(error).toMatchObject({ code: "HPE_INVALID_STATUS" });
});
