import { rawClient, type RawServer, rawServer, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, FRONTS, readMessage, proxyServer as ownServer } from "./peers.ts";
import { BAD, BODY, GOOD, MD5, message, type Said, sha256, WRONG } from "./verified.ts";

/** An origin that reads a request to its end, whole or not, and answers if it is whole. */
const reader = (): Promise<RawServer> =>
  rawServer(async (connection) => {
    const { complete } = await readMessage(connection);
    if (complete) await connection.write("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    await connection.readToEnd();
  });

const put = (said: Said): string => `PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${message(said)}`;

describe.each(FRONTS)("a proxy %s:", (_front, proxyServer) => {
  describe.each(["observe", "enforce"] as const)("verify: %s, of an upload", (verify) => {
    test.each(GOOD)("with %s, lets it through and records %s", async (_what, verdict, said) => {
      const origin = await reader();
      const { port, records } = await proxyServer({ target: origin.origin, verify });
      expect((await ask(port, put(said))).startLine).toBe("HTTP/1.1 201 Created");
      const received = await readMessage(origin.connections[0]!);
      expect(received.body.toString()).toBe(said.body ?? BODY);
      expect(received.trailerLines).toEqual(said.trailers ?? []);
      await expect.poll(() => records.map(({ requestVerdict }) => requestVerdict?.name)).toEqual([verdict]);
    });
  });

  describe("verify: enforce, of an upload", () => {
    test.each(BAD)("with %s, never shows its end to the origin: 400, %s", async (_what, verdict, said) => {
      const origin = await reader();
      const { port, records } = await proxyServer({ target: origin.origin, verify: "enforce" });
      const answer = await ask(port, put(said));
      expect(answer.startLine).toBe("HTTP/1.1 400 Bad Request");
      expect(answer.fieldLines).toContain("Content-Type: application/problem+json");
      expect(JSON.parse(answer.body.toString())).toMatchObject({ status: 400 });
      // The expected value is never revealed to a client whose value did not match.
      expect(answer.body.toString()).not.toContain(MD5);
      const received = await readMessage(origin.connections[0]!);
      expect(received.complete).toBe(false);
      expect(received.trailerLines).toEqual([]);
      await expect.poll(() => records.map(({ requestVerdict }) => requestVerdict?.name)).toEqual([verdict]);
      expect(records[0]).toMatchObject({ status: 400 });
    });

    test("keeps the connection of a client whose upload was wrong, and takes the right one on it", async () => {
      const origin = await httpServer((req, res) => void req.resume().on("end", () => res.end("ok")));
      const { port } = await proxyServer({ target: origin.origin, verify: "enforce" });
      const wrong = put({ fields: ["Trailer: Md5"], trailers: [`Md5: ${WRONG}`] }).replace("Connection: close\r\n", "");
      const client = await rawClient(port);
      await client.write(wrong);
      expect((await client.readUntil("}\n")).toString()).toContain("HTTP/1.1 400 Bad Request");
      await client.write(wrong.replace(WRONG, MD5));
      expect((await client.readHead()).toString()).toContain("HTTP/1.1 200 OK");
    });

    test("cuts what is wrong off where the target's answer has begun already", async () => {
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n");
        await connection.readToEnd();
      });
      const { port, records } = await proxyServer({ target: origin.origin, verify: "enforce" });
      const answer = await ask(port, put({ fields: ["Trailer: Md5"], trailers: [`Md5: ${WRONG}`] }));
      const begun = answer.startLine.includes(" 200 ");
      expect([answer.startLine.slice(9, 12), answer.complete]).toEqual(begun ? ["200", false] : ["400", true]);
      await expect.poll(() => records[0]?.requestVerdict?.name).toBe("mismatched");
    });
  });

  test.each(BAD)("verify: observe, of an upload with %s, only records %s", async (_what, verdict, said) => {
    const origin = await reader();
    const { port, records } = await proxyServer({ target: origin.origin, verify: "observe" });
    expect((await ask(port, put(said))).startLine).toBe("HTTP/1.1 201 Created");
    const received = await readMessage(origin.connections[0]!);
    expect(received).toMatchObject({ complete: true, trailerLines: said.trailers ?? [] });
    expect(received.body.toString()).toBe(said.body ?? BODY);
    await expect.poll(() => records.map(({ requestVerdict }) => requestVerdict?.name)).toEqual([verdict]);
  });

  test.each(BAD)(
    "verify: off, of an upload with %s, lets it through and records nothing of %s",
    async (_w, _v, said) => {
      const origin = await reader();
      const { port, records } = await proxyServer({ target: origin.origin });
      expect((await ask(port, put(said))).startLine).toBe("HTTP/1.1 201 Created");
      await expect.poll(() => records.map(({ requestVerdict }) => requestVerdict)).toEqual([undefined]);
    },
  );

  test.each(["off", "observe", "enforce"] as const)(
    "verify: %s, of an upload that arrives in part, records no verdict, and the origin sees it aborted",
    async (verify) => {
      const origin = await reader();
      const { port, records } = await proxyServer({ target: origin.origin, verify });
      const whole = put({ fields: ["Trailer: Md5", `Repr-Digest: ${sha256(BODY)}`], trailers: [`Md5: ${MD5}`] });
      const { socket } = await rawClient(port);
      socket.end(whole.slice(0, -10));
      await expect.poll(() => records.map(({ requestVerdict }) => requestVerdict)).toEqual([undefined]);
      expect((await readMessage(origin.connections[0]!)).complete).toBe(false);
    },
  );
});

const WHOLE = `Repr-Digest: ${sha256(`${BODY} and what follows`)}`;

test.each([
  ["Upload-Complete: ?0", `Content-Digest: ${sha256(BODY)}`],
  ["Upload-Offset: 10", `Content-Digest: ${sha256(BODY)}`],
  ["Content-Range: bytes 0-38/100", `Content-Digest: ${sha256(BODY)}`],
])("verify: enforce lets a part pass that brings the Repr-Digest of the whole: %s", async (...fields) => {
  const origin = await reader();
  const { port, records } = await ownServer({ target: origin.origin, verify: "enforce" });
  expect((await ask(port, put({ fields: [...fields, WHOLE] }))).startLine).toBe("HTTP/1.1 201 Created");
  await expect.poll(() => records.map(({ requestVerdict }) => requestVerdict?.name)).toEqual(["verified"]);
});

test("verify: enforce lets a patch pass that brings the Repr-Digest of what it makes", async () => {
  const origin = await reader();
  const { port } = await ownServer({ target: origin.origin, verify: "enforce" });
  expect((await ask(port, put({ fields: [WHOLE] }).replace("PUT", "PATCH"))).startLine).toContain(" 201 ");
});

test("verify: enforce refuses the last step of an upload that is not the whole it claims to be", async () => {
  const origin = await reader();
  const { port } = await ownServer({ target: origin.origin, verify: "enforce" });
  const answer = await ask(port, put({ fields: ["Upload-Complete: ?1", WHOLE, `Content-Length: ${BODY.length}`] }));
  expect(answer.startLine).toContain(" 400 ");
});

test("verify: enforce lets content pass whose trailers a hop has merged into the header", async () => {
  const origin = await reader();
  const { port, records } = await ownServer({ target: origin.origin, verify: "enforce" });
  const merged = ["Trailer: Content-Digest", `Content-Digest: ${sha256(BODY).replace(/=:$/, ":")}`];
  expect((await ask(port, put({ fields: [...merged, `Content-Length: ${BODY.length}`] }))).startLine).toContain(
    " 201 ",
  );
  await expect.poll(() => records.map(({ requestVerdict }) => requestVerdict?.name)).toEqual(["verified"]);
});
