import { dataFrame, encodeFields, type FieldPairs, fieldSection, rawHttp2Server, rawServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { http2Agent, send } from "./exchanging.ts";

const OK: FieldPairs = [[":status", "200"]];
const head = (fields: FieldPairs, endStream = false): Buffer => fieldSection(1, encodeFields(fields), { endStream });
const data = (text: string, endStream = false): Buffer => dataFrame(1, text, { endStream });

/** Each with what it comes to: a malformed message resets its stream, or ends its connection. */
const responses: Readonly<Record<string, readonly Buffer[]>> = {
  "two lengths that differ": [head([...OK, ["content-length", "2"], ["content-length", "3"]]), data("hi", true)],
  "two lengths that are the same": [head([...OK, ["content-length", "2"], ["content-length", "2"]]), data("hi", true)],
  "a list of lengths": [head([...OK, ["content-length", "2, 2"]]), data("hi", true)],
  "a length that is not a number": [head([...OK, ["content-length", "+2"]]), data("hi", true)],
  "less content than its length": [head([...OK, ["content-length", "5"]]), data("hi", true)],
  "no content, but a length": [head([...OK, ["content-length", "5"]], true)],
  "more content than its length": [head([...OK, ["content-length", "1"]]), data("hi", true)],
  "less content than its length before trailers": [
    head([...OK, ["content-length", "5"]]),
    data("hi"),
    head([["x-t", "1"]], true),
  ],
  connection: [head([...OK, ["connection", "close"]]), data("hi", true)],
  "keep-alive": [head([...OK, ["keep-alive", "timeout=5"]]), data("hi", true)],
  "proxy-connection": [head([...OK, ["proxy-connection", "close"]]), data("hi", true)],
  "transfer-encoding": [head([...OK, ["transfer-encoding", "chunked"]]), data("hi", true)],
  upgrade: [head([...OK, ["upgrade", "h2c"]]), data("hi", true)],
  te: [head([...OK, ["te", "gzip"]]), data("hi", true)],
  "no status": [head([["x-a", "1"]]), data("hi", true)],
  "two statuses": [head([...OK, [":status", "200"]]), data("hi", true)],
  "a status that is not a number": [head([[":status", "2x0"]]), data("hi", true)],
  "a pseudo field of requests": [head([...OK, [":path", "/"]]), data("hi", true)],
  "a pseudo field after others": [head([["x-a", "1"], ...OK]), data("hi", true)],
  "a name in upper case": [head([...OK, ["X-A", "1"]]), data("hi", true)],
  "status 101": [head([[":status", "101"]]), data("hi", true)],
  "an interim response that ends it": [head([[":status", "103"]], true)],
  "an interim response and no other": [head([[":status", "103"]]), data("", true)],
  "content before its head": [data("hi", true)],
  "content after 204": [head([[":status", "204"]]), data("hi", true)],
  "trailers that do not end it": [head(OK), data("hi"), head([["x-t", "1"]]), data("", true)],
  "a pseudo field in its trailers": [head(OK), data("hi"), head([[":status", "200"]], true)],
  "a name in upper case in its trailers": [head(OK), data("hi"), head([["X-T", "1"]], true)],
  "connection in its trailers": [head(OK), data("hi"), head([["connection", "close"]], true)],
  "transfer-encoding in its trailers": [head(OK), data("hi"), head([["transfer-encoding", "chunked"]], true)],
  "content-length in its trailers": [head(OK), data("hi"), head([["content-length", "2"]], true)],
};

test.each(Object.keys(responses))(
  "a response with %s fails its exchange, and the next one has its own",
  async (name) => {
    const server = await rawHttp2Server(async (peer, index) => {
      const first = await peer.accept();
      await (index === 0 ? peer.send(...responses[name]!) : first.headers(OK, { endStream: true }));
      // Where the agent has given up the connection, the next exchange has another.
      await peer.accept().then(
        (second) => second.headers(OK, { endStream: true }),
        () => {},
      );
    });
    const agent = http2Agent();
    const { error, trailers } = await send(agent, server, { method: "POST", body: "x" }).ended;
    expect(trailers).toBeUndefined();
    expect(error?.code).toMatch(/^(?:HPE_HTTP2_PROTOCOL_ERROR|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/);
    expect(await send(agent, server).ended).toMatchObject({ status: 200, trailers: [] });
  },
);

test("what is no HTTP/2 at all fails the exchange", async () => {
  const server = await rawServer(async (connection) => {
    await connection.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    connection.end();
  });
  const { error } = await send(http2Agent(), server).ended;
  expect(error?.code).toMatch(/^HPE_HTTP2_|^UND_ERR_SOCKET$/);
});
