import { createServer, type Socket } from "node:net";

import { listen } from "@trailsum/testkit";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";

import { TrailerAgent, upload } from "../../src/index.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** A server that does not know trailsum: `onQuestion` answers an OPTIONS, whose content it leaves unread; uploads get 201. */
async function foreignServer(onQuestion: (socket: Socket, hasContent: boolean) => void) {
  const requests: string[] = [];
  const questions: string[] = [];
  const { origin } = await listen(
    createServer((socket) => {
      let text = "";
      socket.on("error", () => {});
      socket.on("data", (piece) => {
        text += piece.toString("latin1");
        const head = /^(\S+) [^]*?\r\n\r\n/.exec(text);
        if (head === null || (head[1] === "PUT" && !/\r\n0\r\n(?:.+\r\n)*\r\n$/.test(text))) return;
        requests.push(head[1]!);
        const hasContent = /^transfer-encoding:/im.test(head[0]);
        // The content of an OPTIONS is what such a server takes for its next request.
        text = head[1] === "OPTIONS" ? text.slice(head[0].length) : "";
        if (head[1] === "OPTIONS") questions.push(head[0] + text);
        if (head[1] === "OPTIONS") onQuestion(socket, hasContent);
        else socket.write("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
      });
    }),
  );
  return { origin, requests, questions };
}

/** A source that can be read once. */
function* pipe(): Generator<string> {
  for (let piece = 0; piece < 20; piece += 1) yield "content ".repeat(1_000);
}

function fresh(): { dispatcher: TrailerAgent } {
  const dispatcher = new TrailerAgent();
  onTestFinished(() => dispatcher.close());
  return { dispatcher };
}

const answer = (text: string) => (socket: Socket) => void socket.write(text);

test.each([
  ["answers it, and keeps the connection", answer("HTTP/1.1 200 OK\r\nAllow: PUT\r\nContent-Length: 0\r\n\r\n"), 1],
  ["answers without a length, as HTTP/1.0", (socket: Socket) => void socket.end("HTTP/1.0 200 OK\r\n\r\nPUT"), 1],
  ["does not know the method", answer("HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n"), 1],
  ["refuses the content", answer("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), 2],
  ["closes the connection at once", (socket: Socket) => void socket.end(), 2],
  ["resets the connection", (socket: Socket) => void socket.resetAndDestroy(), 2],
  ["answers with a page", answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n<html>"), 1],
])("a pipe gets to a server that leaves the question unread and %s", async (_what, onQuestion, questions) => {
  const { origin, requests } = await foreignServer(onQuestion);
  const { status, delivery } = await upload(`${origin}/it`, pipe(), fresh());
  expect([status, delivery.mode, delivery.attempts]).toEqual([201, "trailers", 1]);
  expect(requests).toEqual([...Array.from({ length: questions }, () => "OPTIONS"), "PUT"]);
});

test("a pipe gets to a server that never answers the question", async () => {
  const times: number[] = [];
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  vi.spyOn(AbortSignal, "timeout").mockImplementation((time) => {
    times.push(time);
    return timeout(50);
  });
  const { origin, requests } = await foreignServer(() => {});
  const { status, delivery } = await upload(`${origin}/it`, pipe(), fresh());
  expect([status, delivery.mode]).toEqual([201, "trailers"]);
  expect(delivery.reason).toBe("it is not known what the path does to trailers: a probe was not answered in time");
  expect(times).toEqual([5_000, 5_000]);
  expect(requests).toEqual(["OPTIONS", "OPTIONS", "PUT"]);
});

test("a pipe is delivered in two steps where requests with trailers get no answer", async () => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  vi.spyOn(AbortSignal, "timeout").mockImplementation(() => timeout(500));
  const supports = "Upload-Draft-Interop-Version: 8\r\nUpload-Limit: min-size=0\r\n";
  const { origin, requests } = await foreignServer((socket, hasContent) => {
    if (!hasContent) socket.write(`HTTP/1.1 204 No Content\r\n${supports}\r\n`);
  });
  await expect(upload(`${origin}/it`, pipe(), fresh())).rejects.toMatchObject({ code: "PROTOCOL" });
  // The server that is played here stages nothing.
  expect(requests).toEqual(["OPTIONS", "OPTIONS", "PUT"]);
});

test("a question that is cancelled ends the upload", async () => {
  const cancelling = new AbortController();
  const { origin, requests } = await foreignServer(() => cancelling.abort());
  const uploading = upload(`${origin}/it`, pipe(), { ...fresh(), signal: cancelling.signal });
  await expect(uploading).rejects.toMatchObject({ code: "ABORTED" });
  expect(requests).toEqual(["OPTIONS"]);
});

test("the question has no content and announces no trailer, for hops that expect neither in an OPTIONS", async () => {
  const { origin, questions } = await foreignServer(answer("HTTP/1.1 204 No Content\r\n\r\n"));
  await upload(`${origin}/it`, pipe(), fresh());
  expect(questions).toHaveLength(1);
  expect(questions[0]).toMatch(/\r\n\r\n0\r\nSize: 0\r\n\r\n$/);
  expect(questions[0]).not.toMatch(/^(?:Trailer|Upload-[a-z-]+|Content-Length):/im);
});
