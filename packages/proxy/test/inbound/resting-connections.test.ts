import type { ServerResponse } from "node:http";

import { rawServer, until, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { readMessage } from "../peers.ts";
import { type Served, served } from "./served.ts";

const SECOND = 1_000;
const TIMEOUTS = { keepAlive: 60 * SECOND, head: 30 * SECOND, idle: 300 * SECOND, minRate: 0 };
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const UPLOAD = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n";
const NOWHERE = "http://127.0.0.1:1";

const answered = async (options: { readonly early?: boolean } = {}): Promise<Served> => {
  const origin = await httpServer((request, response) => {
    if (options.early === true) response.end("early");
    else request.resume().on("end", () => response.end("ok"));
  });
  return served(TIMEOUTS, { target: origin.origin });
};

/** Looks once, so that the time counts from here. */
const countsFromHere = ({ look }: Served): void => void look(1);

describe("a connection that is idle", () => {
  test("is kept for its time, and then closed without a word", async () => {
    const { client, look } = await served(TIMEOUTS, { target: NOWHERE });
    expect(look(59 * SECOND)).toBe(true);
    expect(look(2 * SECOND)).toBe(false);
    expect((await client.readToEnd()).toString()).toBe("");
  });

  test("is kept for its time after each answer", async () => {
    const connection = await answered();
    for (let turn = 0; turn < 3; turn += 1) {
      await connection.send(GET);
      await connection.client.readUntil("ok");
      countsFromHere(connection);
      expect(connection.look(59 * SECOND)).toBe(true);
    }
    expect(connection.look(2 * SECOND)).toBe(false);
  });

  test("is idle still when it has sent empty lines", async () => {
    const { client, look, send } = await served(TIMEOUTS, { target: NOWHERE });
    await send("\r\n\r\n");
    expect(look(31 * SECOND)).toBe(true);
    expect(look(31 * SECOND)).toBe(false);
    expect((await client.readToEnd()).toString()).toBe("");
  });
});

describe("a head", () => {
  test("has only so long, however often a piece of it comes: 408, and the connection is closed", async () => {
    const connection = await served(TIMEOUTS, { target: NOWHERE });
    await connection.send("GET / HTTP");
    countsFromHere(connection);
    for (const piece of ["/1.1\r\n", "Host: a\r\n", "X: "]) {
      expect(connection.look(9 * SECOND)).toBe(true);
      await connection.send(piece);
    }
    connection.look(4 * SECOND);
    const { startLine, fieldLines, body } = await readMessage(connection.client);
    expect(startLine).toBe("HTTP/1.1 408 Request Timeout");
    expect(fieldLines).toContain("Content-Type: application/problem+json");
    expect(fieldLines).toContain("Connection: close");
    expect(JSON.parse(body.toString())).toMatchObject({ status: 408 });
    await connection.client.readToEnd();
    expect([connection.client.error, connection.records]).toEqual([undefined, []]);
  });

  test("that began to come with the request before has as long, from when that one is answered", async () => {
    const connection = await answered();
    await connection.send(`${GET}GET / HT`);
    await connection.client.readUntil("ok");
    countsFromHere(connection);
    expect(connection.look(29 * SECOND)).toBe(true);
    connection.look(2 * SECOND);
    expect((await connection.client.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe("a client that uploads", () => {
  test("and rests for too long gets 408, and the origin sees a broken message", async () => {
    const origin = await rawServer(async (connection) => {
      expect((await readMessage(connection)).complete).toBe(false);
    });
    const connection = await served(TIMEOUTS, { target: origin.origin });
    await connection.send(`${UPLOAD}half`);
    countsFromHere(connection);
    expect(connection.look(299 * SECOND)).toBe(true);
    expect(connection.client.received.length).toBe(0);
    connection.look(2 * SECOND);
    expect((await connection.client.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 408 [^]*\r\nConnection: close\r\n/);
    await origin.finished();
    expect(connection.records.map(({ status, error }) => [status, error?.code])).toEqual([[408, "TIMEOUT"]]);
  });

  test("and sends a little now and then has all the time that it needs", async () => {
    const connection = await answered();
    await connection.send(UPLOAD);
    for (let turn = 0; turn < 9; turn += 1) {
      await connection.send("ten bytes.");
      countsFromHere(connection);
      expect(connection.look(299 * SECOND)).toBe(true);
    }
    await connection.send("the last..");
    await connection.client.readUntil("ok");
  });

  test("has its time from when its request began, and not from when its connection was idle", async () => {
    const connection = await answered();
    connection.look(50 * SECOND);
    await connection.send(UPLOAD);
    expect(connection.look(299 * SECOND)).toBe(true);
    await connection.send("x".repeat(100));
    await connection.client.readUntil("ok");
  });
});

describe("a conversation", () => {
  test("continues while either side speaks, and ends when neither does", async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const origin = await httpServer((request, response) => {
      request.resume();
      asked.resolve(response);
    });
    const connection = await served(TIMEOUTS, { target: origin.origin });
    await connection.send(UPLOAD);
    const response = await asked.promise;
    for (let turn = 1; turn < 4; turn += 1) {
      response.write(`tick ${turn}`);
      await connection.client.readUntil(`tick ${turn}`);
      expect(connection.look(299 * SECOND)).toBe(true);
    }
    for (let turn = 1; turn < 4; turn += 1) {
      await connection.send("tack");
      expect(connection.look(299 * SECOND)).toBe(true);
    }
    expect(connection.look(301 * SECOND)).toBe(true);
    await expect.poll(() => connection.records.map(({ error }) => error?.code)).toEqual(["TIMEOUT"]);
  });
});

describe("where a minimum rate is demanded", () => {
  const RATE = { ...TIMEOUTS, minRate: 100 };

  test("a body that comes too slowly is refused: 408", async () => {
    const arrived = Promise.withResolvers<void>();
    const origin = await httpServer((request) => void request.once("data", () => arrived.resolve()));
    const connection = await served(RATE, { target: origin.origin });
    await connection.send(`${UPLOAD.replace("100", "9000")}first`);
    await arrived.promise;
    countsFromHere(connection);
    for (let second = 0; second < 9; second += 1) {
      await connection.send("a".repeat(99));
      expect(connection.look(SECOND)).toBe(true);
    }
    // The ten seconds begin again where the origin, and not the client, was waited for: on a machine that is busy.
    for (let second = 9; second < 60 && connection.client.received.length === 0; second += 1) {
      await connection.send("a".repeat(99));
      connection.look(SECOND);
    }
    expect((await readMessage(connection.client)).startLine).toContain(" 408 ");
  });

  test("a body that comes fast enough is taken", async () => {
    const origin = await httpServer((request, response) => void request.resume().on("end", () => response.end("ok")));
    const connection = await served(RATE, { target: origin.origin });
    await connection.send(UPLOAD.replace("100", "4500"));
    for (let second = 0; second < 30; second += 1) {
      await connection.send("a".repeat(150));
      expect(connection.look(SECOND)).toBe(true);
    }
    await connection.client.readUntil("ok");
  });

  test("a response that is taken too slowly is aborted", async () => {
    const origin = await httpServer((_request, response) => void response.end(Buffer.alloc(64 * 1_048_576)));
    const connection = await served(RATE, { target: origin.origin });
    connection.client.socket.pause();
    await connection.send(GET);
    await stuck(connection);
    countsFromHere(connection);
    expect(connection.look(9 * SECOND)).toBe(true);
    expect(connection.look(2 * SECOND)).toBe(false);
  });
});

describe("a response", () => {
  test("that the origin takes its time for is waited for", async () => {
    const asked = Promise.withResolvers<() => void>();
    const origin = await httpServer((_request, response) => asked.resolve(() => response.end("ok")));
    const connection = await served(TIMEOUTS, { target: origin.origin });
    await connection.send(GET);
    const answer = await asked.promise;
    for (let turn = 0; turn < 3; turn += 1) expect(connection.look(3_000 * SECOND)).toBe(true);
    answer();
    await connection.client.readUntil("ok");
  });

  test("that the client does not take is aborted", async () => {
    const origin = await httpServer((_request, response) => void response.end(Buffer.alloc(64 * 1_048_576)));
    const connection = await served(TIMEOUTS, { target: origin.origin });
    connection.client.socket.pause();
    await connection.send(GET);
    await stuck(connection);
    countsFromHere(connection);
    expect(connection.look(299 * SECOND)).toBe(true);
    expect(connection.look(2 * SECOND)).toBe(false);
    await expect
      .poll(() => connection.records.map(({ status, error }) => [status, error?.code]))
      .toEqual([[200, "ABORTED"]]);
  });

  test("that the client takes a little of now and then has all the time that it needs", async () => {
    const origin = await httpServer((_request, response) => void response.end(Buffer.alloc(64 * 1_048_576)));
    const connection = await served(TIMEOUTS, { target: origin.origin });
    const { socket } = connection.client;
    let read = 0;
    socket.removeAllListeners("data");
    socket.on("data", (piece: Buffer) => (read += piece.length)).pause();
    await connection.send(GET);
    for (let turn = 1; turn < 6; turn += 1) {
      await stuck(connection);
      countsFromHere(connection);
      expect(connection.look(299 * SECOND), `turn ${turn}`).toBe(true);
      const before = taken(connection.socket);
      socket.resume();
      // What the client reads may have waited in its system: more has to leave the proxy.
      await until(
        () => read >= turn * 4 * 1_048_576 && taken(connection.socket) > before,
        () => `${read} bytes arrived`,
      );
      socket.pause();
    }
  });
});

describe("after an answer, what is still to come of a request", () => {
  test("is read for ten seconds, as long as it keeps coming", async () => {
    const connection = await answered({ early: true });
    await connection.send(UPLOAD.replace("100", "1000"));
    await connection.client.readUntil("early");
    await concluded(connection);
    for (let second = 0; second < 9; second += 1) {
      expect(connection.look(SECOND), `second ${second}`).toBe(true);
      await connection.send("more");
    }
    expect(connection.look(2 * SECOND)).toBe(false);
  });

  test("is waited for no longer than it rests", async () => {
    const connection = await answered({ early: true });
    await connection.send(UPLOAD);
    await connection.client.readUntil("early");
    await concluded(connection);
    await connection.send("more");
    expect(connection.look(SECOND)).toBe(true);
    expect(connection.look(SECOND + 1)).toBe(false);
  });

  test("leaves the connection to the next request, when it has come to its end", async () => {
    const connection = await answered({ early: true });
    await connection.send(UPLOAD);
    await connection.client.readUntil("early");
    await concluded(connection);
    await connection.send("x".repeat(100));
    countsFromHere(connection);
    expect(connection.look(59 * SECOND)).toBe(true);
    await connection.send(GET);
    await connection.client.readUntil("early");
  });

  test("is read for as long where the connection is closed after the answer", async () => {
    const connection = await served(TIMEOUTS, { target: NOWHERE });
    await connection.send(UPLOAD.replace("PUT", "P(T"));
    await connection.client.readToEnd();
    for (let second = 0; second < 9; second += 1) {
      expect(connection.look(SECOND), `second ${second}`).toBe(true);
      await connection.send("more");
    }
    expect(connection.look(2 * SECOND)).toBe(false);
  });

  test("is not waited for where the client neither sends nor closes", async () => {
    const connection = await served(TIMEOUTS, { target: NOWHERE });
    await connection.send("nonsense\r\n\r\n");
    await connection.client.readToEnd();
    countsFromHere(connection);
    expect(connection.look(SECOND / 2)).toBe(true);
    expect(connection.look(SECOND)).toBe(false);
  });
});

/** How many bytes the system has taken from the proxy. */
function taken({ bytesWritten, writableLength }: Served["socket"]): number {
  return bytesWritten - writableLength;
}

/** Waits until the proxy can send no more to its client. */
async function stuck({ socket }: Pick<Served, "socket">): Promise<void> {
  let last = -1;
  let turns = 0;
  await until(
    () => {
      const { writableLength, bytesWritten } = socket;
      turns = bytesWritten === last && writableLength > 0 ? turns + 1 : 0;
      last = bytesWritten;
      return turns > 20 || socket.destroyed;
    },
    () => `still moving at ${last}`,
  );
}

/** Waits until the exchange is over for the proxy, but for what is still to come of its request. */
async function concluded({ records }: Served): Promise<void> {
  await expect.poll(() => records.length, { interval: 1 }).toBe(1);
}
