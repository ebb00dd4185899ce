import { once } from "node:events";
import { connect, constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";

import { rawClient } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createMemoryStore, createUploadServer } from "../src/index.ts";
import { handleHttp2 } from "./http2-peer.ts";
import { answerOf, content, md5, readObject, readResponse, request, upload } from "./peer.ts";

/** A server and what it stores. */
async function server() {
  const store = createMemoryStore();
  const uploads = createUploadServer({ store, listen: { port: 0 }, allowUnverified: true });
  onTestFinished(() => uploads.close());
  const { port, url } = await uploads.listen();
  return { port, url, store };
}

const body = `Host: test\r\nContent-Length: ${content.length}\r\nMd5: ${md5(content)}\r\n\r\n${content.toString()}`;

test.each([
  ["no version", "PUT /it", 400],
  ["HTTP/0.9", "PUT /it HTTP/0.9", 505],
  ["HTTP/1.2", "PUT /it HTTP/1.2", 505],
  ["HTTP/2.0", "PUT /it HTTP/2.0", 505],
  ["HTTP/3.0", "PUT /it HTTP/3.0", 505],
])("a request line with %s is refused, and nothing is stored", async (_version, line, status) => {
  const { port, store } = await server();
  const client = await rawClient(port);
  await client.write(`${line}\r\n${body}`);
  const answer = answerOf(await readResponse(client));
  expect([answer.status, answer.field("Connection")]).toEqual([status, "close"]);
  await client.readToEnd();
  expect(await readObject(store, "it")).toBeUndefined();
});

test.each([
  ["a second Host", "PUT /it HTTP/1.1\r\nHost: other"],
  ["a Host with a space", "PUT /it HTTP/1.1\r\nHost: a b\r\nX: y", "X-Other: test"],
  ["a Host with a user name", "PUT /it HTTP/1.1\r\nHost: me@a", "X-Other: test"],
  ["a Host with a path", "PUT /it HTTP/1.1\r\nHost: a/b", "X-Other: test"],
])("a request with %s is refused, and nothing is stored", async (_fault, head, host = "Host: test") => {
  const { port, store } = await server();
  const client = await rawClient(port);
  await client.write(`${head}\r\n${body.replace("Host: test", host)}`);
  expect(answerOf(await readResponse(client)).status).toBe(400);
  expect(await readObject(store, "it")).toBeUndefined();
  client.destroy();
});

test("a transfer coding in HTTP/1.0 is refused, and nothing is stored", async () => {
  const { port, store } = await server();
  const client = await rawClient(port);
  await client.write("PUT /it HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
  expect(answerOf(await readResponse(client)).status).toBe(400);
  expect(await readObject(store, "it")).toBeUndefined();
  client.destroy();
});

test.each(["", "a.test:8080", "[::1]:80", "xn--a_b.test"])("the Host %o is accepted", async (host) => {
  const { port } = await server();
  const client = await rawClient(port);
  await client.write(`PUT /it HTTP/1.1\r\n${body.replace("Host: test", `Host: ${host}`)}`);
  expect(answerOf(await readResponse(client)).status).toBe(201);
  client.destroy();
});

test("a method that is not known is 501, one that is not allowed 405, and DELETE with content 400", async () => {
  const { port } = await server();
  for (const [line, status] of [
    ["BREW /it HTTP/1.1", 501],
    ["PATCH /it HTTP/1.1", 405],
    ["DELETE /it HTTP/1.1", 400],
    ["CONNECT a:80 HTTP/1.1", 405],
    ["\u0016\u0003\u0001 /it HTTP/1.1", 400],
    ["BREW", 400],
  ] as const) {
    const client = await rawClient(port);
    await client.write(`${line}\r\n${body}`);
    expect([line, answerOf(await readResponse(client)).status]).toEqual([line, status]);
    client.destroy();
  }
});

test("what is malformed is refused after the answers to the requests before it", async () => {
  const { port } = await server();
  const client = await rawClient(port);
  const malformed = Buffer.from("GET /it HTTP/1.1\r\nHost: test\r\nno colon\r\n\r\n");
  await client.write(Buffer.concat([upload("/a"), request("GET /a"), malformed]));
  const statuses: number[] = [];
  for (let at = 0; at < 3; at += 1) statuses.push(answerOf(await readResponse(client)).status);
  expect(statuses).toEqual([201, 200, 400]);
  await client.readToEnd();
});

test("a response that is under way when the server stops says that the connection closes", async () => {
  const uploads = createUploadServer({ store: createMemoryStore(), listen: { port: 0 } });
  const { port } = await uploads.listen();
  const client = await rawClient(port);
  const bytes = upload("/it");
  await client.write(bytes.subarray(0, -1));
  // The upload has begun once a second connection is answered.
  const other = await rawClient(port);
  await other.write(request("GET /none"));
  await readResponse(other);
  const closed = uploads.close();
  await client.write(bytes.subarray(-1));
  const answer = answerOf(await readResponse(client));
  expect([answer.status, answer.field("Connection")]).toEqual([201, "close"]);
  other.destroy();
  client.destroy();
  await closed;
});

/** An upload over HTTP/2 whose `Host` stands beside `:authority: a.test`. */
async function uploadWithHost(url: string, host: string) {
  const session = connect(url);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ":method": "PUT", ":path": "/it", ":authority": "a.test", host, md5: md5(content) });
  stream
    .on("error", () => {})
    .resume()
    .end(content);
  const response = once(stream, "response") as Promise<[IncomingHttpHeaders]>;
  return { stream, status: response.then(([fields]) => fields[":status"]) };
}

test("over HTTP/2 a Host that differs from :authority resets the stream", async () => {
  const { url, store } = await server();
  const { stream, status } = await uploadWithHost(url, "other.test");
  await expect(status).rejects.toThrow("NGHTTP2_PROTOCOL_ERROR");
  expect([stream.rstCode, await readObject(store, "it")]).toEqual([constants.NGHTTP2_PROTOCOL_ERROR, undefined]);
});

test("over HTTP/2 the same Host, in other letters and with its port, is accepted", async () => {
  const { url } = await server();
  const { status } = await uploadWithHost(url, "A.test:80");
  expect(await status).toBe(201);
});

test.each([
  ["another host than :authority is refused", "other.test", 400],
  ["the same host, in other letters and with its port, is accepted", "A.test:80", 201],
])("in a server of Node's, over HTTP/2, a Host that names %s", async (_name, host, expected) => {
  const { port } = await handleHttp2({ allowUnverified: true });
  const { status } = await uploadWithHost(`http://127.0.0.1:${port}`, host);
  expect(await status).toBe(expected);
});

test("over HTTP/2 a tunnel is refused, and the connection continues", async () => {
  const { url } = await server();
  const session = connect(url);
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  const status = async (fields: OutgoingHttpHeaders): Promise<unknown> => {
    const stream = session.request(fields);
    const [response] = (await once(stream, "response")) as [IncomingHttpHeaders];
    stream.resume().end();
    return response[":status"];
  };
  expect(await status({ ":method": "CONNECT", ":protocol": "websocket", ":path": "/it" })).toBe(405);
  expect(await status({ ":path": "/none" })).toBe(404);
});
