import { describe, expect, test } from "vitest";

import type { RequestHead } from "../../src/http1/request-head.ts";
import { RequestReader } from "../../src/http1/request-reader.ts";
import { LIMITS, readByUs, type RequestRead } from "./reading.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const PUT =
  "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nMd5: 1\r\n\r\n";

function read(text: string): RequestRead[] {
  const { requests, error } = readByUs([Buffer.from(text, "latin1")]);
  expect(error).toBeUndefined();
  return requests;
}

function head(text: string): RequestHead {
  const { heads, error } = readByUs([Buffer.from(text, "latin1")]);
  expect(error).toBeUndefined();
  return heads[0]!;
}

/** A reader, and its events, one word or so for each. */
function listening(on: Partial<Record<"head" | "content", (reader: RequestReader) => void>> = {}): {
  reader: RequestReader;
  reported: string[];
} {
  const reported: string[] = [];
  const reader: RequestReader = new RequestReader(
    {
      onHead: ({ target }) => {
        reported.push(target);
        on.head?.(reader);
      },
      onContent: (piece) => {
        reported.push(piece.toString("latin1"));
        on.content?.(reader);
      },
      onComplete: () => reported.push("complete"),
    },
    LIMITS,
  );
  return { reader, reported };
}

test("the head is reported as received, with the framing of the message", () =>
  expect(
    head(
      "POST /a?b=c HTTP/1.1\r\nhost:a.example:80\r\nX-Same: 1\r\nx-same:  2 \t\r\nX-Empty:\r\nX-Name: caf\u00e9\r\n" +
        "Expect: 100-Continue\r\nCONNECTION: Close, X-Same\r\nConnection: TE\r\nUpgrade: h2c\r\nupgrade: a, b\r\n" +
        "Content-Length: 3\r\n\r\nabc",
    ),
  ).toEqual({
    method: "POST",
    target: "/a?b=c",
    version: "1.1",
    raw: [
      ["host", "a.example:80", "X-Same", "1", "x-same", "2", "X-Empty", "", "X-Name", "caf\u00e9"],
      ["Expect", "100-Continue", "CONNECTION", "Close, X-Same", "Connection", "TE", "Upgrade", "h2c"],
      ["upgrade", "a, b", "Content-Length", "3"],
    ].flat(),
    framing: { kind: "length", length: 3 },
    persistent: false,
    host: "a.example:80",
    hosts: 1,
    expectContinue: true,
    connection: ["close", "x-same", "te"],
    upgrade: ["h2c", "a", "b"],
  }));

test("a head with two Host fields reports the first, and how many there are", () =>
  expect(head("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")).toMatchObject({ host: "a", hosts: 2 }));

describe("a request", () => {
  test.each([
    ["of HTTP/1.0 without fields", "GET / HTTP/1.0\r\n\r\n", { version: "1.0", raw: [], body: "", trailers: [] }],
    ["with a method that Node does not know", "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", { method: "BREW" }],
    ["with an absolute target", "GET HTTP://[::1]:80?q HTTP/1.1\r\nHost: a\r\n\r\n", { target: "HTTP://[::1]:80?q" }],
    ["that asks for the whole server", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", { target: "*" }],
    ["for a tunnel", "CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n", { target: "[::1]:443" }],
    [
      "with every character in its target",
      `GET /${targetCharacters()} HTTP/1.0\r\n\r\n`,
      {
        target: `/${targetCharacters()}`,
      },
    ],
    ["with a length", "PUT / HTTP/1.0\r\nContent-Length: 003\r\n\r\nabc", { body: "abc", trailers: [] }],
    ["with a length of 0", "PUT / HTTP/1.0\r\nContent-Length: 0\r\n\r\n", { body: "", trailers: [] }],
    ["in chunks, with trailers", PUT, { body: "abcde", trailers: ["Md5", "1"] }],
    ["after empty lines", `\r\n\r\n${GET}`, { method: "GET", target: "/" }],
  ])("%s", (_name, text, expected) => expect(read(text)).toMatchObject([expected]));

  test("of as many fields and bytes as are taken", () => {
    const { maxFields, maxHeaderSize } = LIMITS;
    expect(head(`GET / HTTP/1.0\r\n${"a:\r\n".repeat(maxFields)}\r\n`).raw.length).toBe(maxFields * 2);
    const start = "GET / HTTP/1.0\r\na:";
    expect(head(`${start}${"b".repeat(maxHeaderSize - start.length)}\r\n\r\n`).raw.length).toBe(2);
  });
});

function targetCharacters(): string {
  return Array.from({ length: 0x7f - 0x21 }, (_, at) => String.fromCharCode(0x21 + at))
    .join("")
    .replace("#", "");
}

describe("the connection lasts", () => {
  test.each([
    ["1.1", "", true],
    ["1.1", "Connection: close\r\n", false],
    ["1.1", "Connection: keep-alive, CLOSE\r\n", false],
    ["1.1", "Connection: keep-alive\r\nConnection: close\r\n", false],
    ["1.1", "Connection: closed\r\n", true],
    ["1.0", "", false],
    ["1.0", "Connection: Keep-Alive\r\n", true],
    ["1.0", "Connection: keep-alive, close\r\n", false],
  ])("after HTTP/%s with %j: %s", (version, lines, persistent) =>
    expect(head(`GET / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`).persistent).toBe(persistent),
  );
});

describe("an expectation of HTTP/1.0 is ignored", () => {
  test.each(["100-continue", "other"])("%s", (value) =>
    expect(head(`GET / HTTP/1.0\r\nExpect: ${value}\r\n\r\n`).expectContinue).toBe(false),
  );
});

describe("requests one after the other", () => {
  const text = `${PUT}${GET}POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n${GET}`;

  test("are separated wherever they are cut", () => {
    const bytes = Buffer.from(text);
    const { requests: whole } = readByUs([bytes]);
    expect(whole.map(({ target, body }) => target + body)).toEqual(["/aabcde", "/", "/bhi", "/"]);
    for (let at = 1; at < bytes.length; at += 1) {
      expect(readByUs([bytes.subarray(0, at), bytes.subarray(at)])).toMatchObject({
        requests: whole,
        error: undefined,
      });
    }
    expect(readByUs(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))).requests).toEqual(whole);
  });

  test("wait for their turn", () => {
    const { reader, reported } = listening();
    reader.read(Buffer.from(PUT + GET));
    expect(reported).toEqual(["/a", "abc", "de", "complete"]);
    expect(reader).toMatchObject({ complete: true, waiting: true, started: false });
    reader.read(Buffer.from("GET /c HTT"));
    reader.next();
    expect(reported.slice(4)).toEqual(["/", "complete"]);
    reader.next();
    expect(reader).toMatchObject({ complete: false, waiting: false, started: true });
    reader.read(Buffer.from("P/1.0\r\n\r\n"));
    expect(reported.slice(6)).toEqual(["/c", "complete"]);
    reader.next();
    expect(reader).toMatchObject({ complete: false, waiting: false, started: false });
  });

  test("are read before the end of the connection is", () => {
    const { reader, reported } = listening();
    reader.read(Buffer.from(`${GET}GET /c`));
    reader.end();
    expect(reported).toEqual(["/", "complete"]);
    expect(() => reader.next()).toThrow("aborted");
    expect(reported).toEqual(["/", "complete"]);
  });
});

describe("a reader that is paused", () => {
  test("reports no more than the current piece", () => {
    const { reader, reported } = listening({ head: (self) => self.pause(), content: (self) => self.pause() });
    reader.read(Buffer.from(PUT));
    expect(reported).toEqual(["/a"]);
    expect(reader.waiting).toBe(true);
    reader.resume();
    expect(reported).toEqual(["/a", "abc"]);
    reader.resume();
    expect(reported).toEqual(["/a", "abc", "de"]);
    reader.resume();
    expect(reported).toEqual(["/a", "abc", "de", "complete"]);
    expect(reader.waiting).toBe(false);
  });

  test("reports the end of the content", () => {
    const { reader, reported } = listening({ head: (self) => self.pause(), content: (self) => self.pause() });
    reader.read(Buffer.from(GET));
    expect(reported).toEqual(["/", "complete"]);
    reader.next();
    reader.read(Buffer.from("PUT /b HTTP/1.0\r\nContent-Length: 1\r\n\r\n"));
    reader.resume();
    reader.read(Buffer.from("x"));
    expect(reported.slice(2)).toEqual(["/b", "x", "complete"]);
  });

  test("goes on when it is resumed from within a piece", () => {
    const { reader, reported } = listening({
      content: (self) => {
        self.pause();
        self.resume();
      },
    });
    reader.read(Buffer.from(PUT));
    expect(reported).toEqual(["/a", "abc", "de", "complete"]);
  });

  test("reports the end after what is held", () => {
    const { reader, reported } = listening({ head: (self) => self.pause() });
    reader.read(Buffer.from(PUT.slice(0, -2)));
    reader.end();
    expect(reported).toEqual(["/a"]);
    expect(() => reader.resume()).toThrow("aborted");
    expect(reported).toEqual(["/a", "abc", "de"]);
  });
});

describe("a connection that ends", () => {
  test.each([
    ["before anything", ""],
    ["after an empty line", "\r\n"],
    ["after a request", GET],
  ])("%s is not a fault", (_name, text) => expect(readByUs([Buffer.from(text)]).error).toBeUndefined());

  test("while a request is answered is not a fault", () => {
    const { reader } = listening();
    reader.read(Buffer.from(GET));
    reader.end();
    reader.next();
    expect(reader).toMatchObject({ started: false, complete: false });
  });
});

test("what comes after a fault is not looked at", () => {
  const { reader, reported } = listening();
  expect(() => reader.read(Buffer.from(`GET\r\n\r\n${GET}`))).toThrow("request line");
  reader.read(Buffer.from(GET));
  reader.next();
  reader.resume();
  reader.end();
  expect(reported).toEqual([]);
  expect(reader).toMatchObject({ started: false, complete: false, waiting: false });
});

test("what the sink throws is thrown, and nothing is reported any more", () => {
  const mistake = new Error("mistake");
  const { reader, reported } = listening({
    head: () => {
      throw mistake;
    },
  });
  expect(() => reader.read(Buffer.from(PUT))).toThrow(mistake);
  reader.read(Buffer.from(GET));
  expect(reported).toEqual(["/a"]);
});

describe("what is spoken after the head of an upgrade is handed out", () => {
  const upgrade = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

  test("once it is complete", () => {
    const { reader, reported } = listening();
    reader.read(Buffer.from(`${upgrade}hel`));
    reader.read(Buffer.from("lo"));
    expect(reader.rest().toString()).toBe("hello");
    expect(reader.rest().length).toBe(0);
    expect(reader.waiting).toBe(false);
    expect(reported).toEqual(["/chat", "complete"]);
  });

  test("from within its head", () => {
    let rest = "";
    const { reader, reported } = listening({ head: (self) => (rest = self.rest().toString()) });
    reader.read(Buffer.from(`${upgrade}hello`));
    expect(rest).toBe("hello");
    expect(reported).toEqual(["/chat", "complete"]);
  });
});

test("content is handed on without being copied", () => {
  const pieces: Buffer[] = [];
  const sink = { onHead: () => {}, onContent: (piece: Buffer) => void pieces.push(piece), onComplete: () => {} };
  const reader = new RequestReader(sink, LIMITS);
  const bytes = Buffer.from(PUT);
  reader.read(bytes);
  expect(pieces.map(({ buffer }) => buffer === bytes.buffer)).toEqual([true, true]);
});
