import { spawn } from "node:child_process";
import { once } from "node:events";

import { errorCodes, type FieldPairs, rawHttp2Server } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { answerEach, http2Agent, send } from "./exchanging.ts";

const OK: FieldPairs = [[":status", "200"]];

/** A server that answers each request at once. */
function promptServer(): ReturnType<typeof rawHttp2Server> {
  return rawHttp2Server((peer) => answerEach(peer, (stream) => stream.headers(OK, { endStream: true })));
}

describe("a connection without requests", () => {
  test("is kept for as long as was said, and then closed with GOAWAY", async () => {
    const server = await promptServer();
    const agent = http2Agent({ keepAliveTimeout: 50 });
    await send(agent, server).ended;
    const goaway = await server.peers[0]!.untilGoaway();
    expect(goaway.errorCode).toBe(errorCodes.NO_ERROR);
    await server.peers[0]!.untilClosed();
    expect((await send(agent, server).ended).status).toBe(200);
    expect(server.peers).toHaveLength(2);
  });

  test("is closed though the server never closes its side", async () => {
    const server = await promptServer();
    const agent = http2Agent({ keepAliveTimeout: 10 });
    let disconnected = 0;
    agent.on("disconnect", () => (disconnected += 1));
    await send(agent, server).ended;
    await expect.poll(() => disconnected).toBe(1);
    await agent.close();
  });

  test("keeps no process alive", async () => {
    const server = await promptServer();
    const script = `
      import { TrailerAgent } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
      const agent = new TrailerAgent({ useH2c: true, keepAliveTimeout: 600_000 });
      agent.dispatch({ origin: ${JSON.stringify(server.origin)}, path: "/", method: "GET" }, {
        onRequestStart() {}, onResponseStart() {}, onResponseData() {},
        onResponseEnd() { console.log("answered"); },
        onResponseError(_, error) { console.log(error); },
      });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    expect(await once(child, "close")).toEqual([0, null]);
    expect(output).toBe("answered\n");
  });

  test("that the server closes is opened anew for the next request", async () => {
    const server = await rawHttp2Server(async (peer) => {
      await (await peer.accept()).headers(OK, { endStream: true });
      await peer.ping();
      peer.connection.end();
    });
    const agent = http2Agent();
    for (let turn = 1; turn <= 3; turn++) {
      expect((await send(agent, server).ended).status).toBe(200);
      await server.connections.at(-1)!.closed;
    }
    expect(server.peers).toHaveLength(3);
  });
});

describe("an agent that is closed", () => {
  test("lets what runs and waits come to its end, takes no more, and closes its connections", async () => {
    const server = await rawHttp2Server(
      (peer) =>
        answerEach(peer, async (stream) => {
          await stream.headers(OK);
          await stream.body("content", { endStream: true });
        }),
      { settings: { MAX_CONCURRENT_STREAMS: 2 } },
    );
    const agent = http2Agent({ connections: 1 });
    const sent = Array.from({ length: 5 }, () => send(agent, server));
    const closed = agent.close();
    expect((await send(agent, server).ended).error).toMatchObject({ code: "UND_ERR_CLOSED" });
    await closed;
    for (const { reported } of sent) expect(reported).toMatchObject({ content: "content", trailers: [] });
    await server.peers[0]!.untilClosed();
    expect(agent.destroyed).toBe(true);
  });

  test("emits connect and disconnect once for each connection", async () => {
    const server = await promptServer();
    const agent = http2Agent();
    const events: string[] = [];
    agent.on("connect", (url) => events.push(`connect ${url.origin}`));
    agent.on("disconnect", (url) => events.push(`disconnect ${url.origin}`));
    agent.on("connectionError", (url) => events.push(`connectionError ${url.origin}`));
    await Promise.all(Array.from({ length: 5 }, () => send(agent, server).ended));
    await agent.close();
    expect(events).toEqual([`connect ${server.origin}`, `disconnect ${server.origin}`]);
  });
});
