import { createGzip, gunzipSync } from "node:zlib";
import { Transform } from "node:stream";

import { FieldLines, TrailsumError } from "@trailsum/shared";
import { parseMessage, rawClient, rawServer, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import type { ProxyResponse } from "../src/index.ts";
import { ask, type Proxied, proxyServer } from "./peers.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A proxy whose hook is `modifyResponse`, before an origin whose answer is `answer`. */
async function modifying(
  answer: string,
  modifyResponse: (response: ProxyResponse) => void | Promise<void>,
): Promise<Proxied> {
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    connection.end(answer);
    await connection.readToEnd();
  });
  return proxyServer({ target: origin.origin, modifyResponse });
}

const plain = "HTTP/1.1 200 Fine\r\nX-Origin: yes\r\nContent-Length: 5\r\n\r\nhello";
const chunked =
  "HTTP/1.1 200 OK\r\nTrailer: X-One\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-One: 1\r\n\r\n";

describe("rules 34, 35: modifyResponse", () => {
  test("can change status, reason and header", async () => {
    const { port } = await modifying(plain, async (response) => {
      await Promise.resolve();
      expect(response).toMatchObject({ status: 200, reason: "Fine" });
      Object.assign(response, { status: 299, reason: "Odd", header: response.header.with("X-Hook", "1") });
    });
    const message = await ask(port, GET);
    expect(message.startLine).toBe("HTTP/1.1 299 Odd");
    expect(message.fieldLines).toEqual(expect.arrayContaining(["X-Origin: yes", "X-Hook: 1", "Content-Length: 5"]));
    expect(message.body.toString()).toBe("hello");
  });

  test("can send the content through a transform: it is chunked then, and has its trailers after it", async () => {
    for (const answer of [plain, chunked]) {
      const { port } = await modifying(answer, (response) => {
        response.transform = createGzip();
        response.header = response.header.with("Content-Encoding", "gzip");
      });
      const message = await ask(port, GET);
      expect(gunzipSync(message.body).toString()).toBe("hello");
      expect(message.fieldLines).toContain("Transfer-Encoding: chunked");
      expect(message.fieldLines.join("\n")).not.toMatch(/^Content-Length/m);
      expect(message.trailerLines).toEqual(answer === chunked ? ["X-One: 1"] : []);
    }
  });

  test("that gives a transform which fails aborts the response", async () => {
    const { port, records } = await modifying(chunked, (response) => {
      response.transform = new Transform({ transform: (_piece, _encoding, done) => done(new Error("no")) });
    });
    expect((await ask(port, GET)).complete).toBe(false);
    await expect.poll(() => records.map(({ error }) => error?.message)).toEqual([expect.stringContaining("no")]);
  });

  test("that gives a transform gets no transform for HEAD, whose length stays", async () => {
    const { port } = await modifying("HTTP/1.1 200 OK\r\nX-Origin: yes\r\n\r\n", (response) => {
      response.transform = createGzip();
    });
    const message = await ask(port, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(message.fieldLines).toContain("X-Origin: yes");
    expect(message.rest.length).toBe(0);
  });

  test("can change the trailers that go on, and none of its own breaks the rules", async () => {
    const { port } = await modifying(chunked, (response) => {
      response.trailers = (fields) => {
        expect([...fields]).toEqual([["X-One", "1"]]);
        return fields.with("X-Two", "2").with("Content-Length", "3").with("Set-Cookie", "a=b");
      };
    });
    expect((await ask(port, GET)).trailerLines).toEqual(["X-One: 1", "X-Two: 2"]);
  });

  test("can add trailers where the origin had none, if there is room after chunks", async () => {
    for (const answer of [plain, chunked.replace("X-One: 1\r\n", "")]) {
      const { port } = await modifying(answer, (response) => {
        response.trailers = (fields) => fields.with("X-New", "1");
      });
      const message = await ask(port, GET);
      expect(message.trailerLines).toEqual(answer === plain ? [] : ["X-New: 1"]);
    }
  });

  test("that throws for the trailers aborts the response", async () => {
    const { port } = await modifying(chunked, (response) => {
      response.trailers = () => {
        throw new Error("no");
      };
    });
    expect((await ask(port, GET)).complete).toBe(false);
  });

  test("whose trailers may not be sent aborts the response, and nothing of them is seen", async () => {
    const { port } = await modifying(chunked, (response) => {
      response.trailers = (fields) => fields.with("X-Two", "2\r\n\r\nHTTP/1.1 200 OK");
    });
    const message = await ask(port, GET);
    expect([message.complete, message.trailerLines]).toEqual([false, []]);
  });

  test.each([
    ["Content-Length", "3"],
    ["Content-Length", "500"],
    ["content-length", "5, 5"],
  ])("rule 35, G17: cannot make %s: %s of content that is another length", async (name, value) => {
    for (const answer of [plain, chunked]) {
      const { port } = await modifying(answer, (response) => {
        response.header = FieldLines.from([[name, value]]);
      });
      const message = await ask(port, GET);
      expect(message).toMatchObject({ complete: true });
      expect(message.body.toString()).toBe("hello");
      expect(message.rest.length).toBe(0);
    }
  });

  test("cannot choose a transfer coding", async () => {
    const { port } = await modifying(plain, (response) => {
      response.header = response.header.with("Transfer-Encoding", "gzip").with("Trailer", "X");
    });
    const message = await ask(port, GET);
    expect(message.body.toString()).toBe("hello");
    expect(message.fieldLines.join("\n")).not.toMatch(/^(Transfer-Encoding|Trailer)/m);
  });

  test("that leaves the length out has the content chunked", async () => {
    const { port } = await modifying(plain, (response) => {
      response.header = FieldLines.empty;
    });
    const message = await ask(port, GET);
    expect(message.fieldLines).toContain("Transfer-Encoding: chunked");
    expect(message.body.toString()).toBe("hello");
  });

  test.each([204, 304])("that makes it a %d takes its content away, and does not wait for it", async (status) => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin");
      await connection.readToEnd();
    });
    const { port, records } = await proxyServer({
      target: origin.origin,
      modifyResponse: (response) => {
        response.status = status;
      },
    });
    const client = await rawClient(port);
    await client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const received = await client.readToEnd();
    expect(parseMessage(received).rest.length).toBe(0);
    await origin.finished();
    await expect.poll(() => records.map((record) => [record.status, record.error])).toEqual([[status, undefined]]);
  });

  test("that throws a TrailsumError answers with its status", async () => {
    const { port } = await modifying(plain, () => {
      throw new TrailsumError("TOO_LARGE", "too large for us");
    });
    const message = await ask(port, GET);
    expect(message.startLine).toBe("HTTP/1.1 413 Payload Too Large");
    expect(JSON.parse(message.body.toString())).toMatchObject({ status: 413, detail: "too large for us" });
  });

  test.each([0, 99, 1000, 1.5, Number.NaN])("that gives the status %d gets an error for it", async (status) => {
    const { port } = await modifying(plain, (response) => {
      response.status = status;
    });
    expect((await ask(port, GET)).startLine).toMatch(/ 50\d /);
  });

  test("is not asked when the origin cannot be reached, and is for its errors", async () => {
    const seen: number[] = [];
    const modifyResponse = ({ status }: ProxyResponse): void => void seen.push(status);
    const origin = await httpServer((_req, res) => void res.writeHead(503).end());
    const there = await proxyServer({ target: origin.origin, modifyResponse });
    await ask(there.port, GET);
    const gone = await proxyServer({ target: "http://127.0.0.1:1", modifyResponse });
    await ask(gone.port, GET);
    expect(seen).toEqual([503]);
  });
});
