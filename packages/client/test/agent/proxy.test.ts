import { createServer as createHttpServer } from "node:http";
import { createSecureServer } from "node:http2";
import { connect } from "node:net";

import { certificate, listen, rawServer } from "@trailsum/testkit";
import { request } from "undici";
import { expect, onTestFinished, test } from "vitest";

import { TrailerAgent, type TrailerAgentOptions } from "../../src/index.ts";

function agent(options: TrailerAgentOptions): TrailerAgent {
  const made = new TrailerAgent(options);
  onTestFinished(() => made.destroy());
  return made;
}

/** A proxy that makes tunnels. Ends with the test. */
async function tunnelProxy(): Promise<{ readonly origin: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createHttpServer();
  server.on("connect", ({ url = "" }, client) => {
    asked.push(url);
    const { hostname, port } = new URL(`http://${url}`);
    const target = connect(Number(port), hostname, () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      target.pipe(client).pipe(target);
    });
    for (const socket of [client, target]) socket.on("error", () => {}).on("close", () => target.destroy());
    target.on("close", () => client.destroy());
  });
  return { origin: (await listen(server)).origin, asked };
}

const trailers = { trailers: { Md5: "841a2d689ad86bd1611447453c22c6fc" }, headers: { Trailer: "Md5" } };

test("requests to http origins go through a tunnel of the proxy, with their trailers", async () => {
  const proxy = await tunnelProxy();
  const server = createHttpServer((incoming, response) => {
    incoming.resume().on("end", () => response.end(incoming.trailers["md5"]));
  });
  const { origin } = await listen(server);
  const dispatcher = agent({ proxy: proxy.origin });
  for (const body of ["body", "again"]) {
    const { body: answer } = await request(origin, { dispatcher, method: "PUT", body, ...trailers });
    expect(await answer.text()).toBe(trailers.trailers.Md5);
  }
  expect(proxy.asked).toEqual([new URL(origin).host]);
});

test("https origins choose HTTP/2 in the tunnel, and are verified by name", async () => {
  const { cert, key } = await certificate();
  const proxy = await tunnelProxy();
  const server = createSecureServer({ cert, key });
  server.on("stream", (stream) => {
    let md5 = "";
    stream.on("trailers", (fields) => (md5 = String(fields["md5"])));
    stream.resume().on("end", () => stream.end(md5));
  });
  const { port } = await listen(server);
  const dispatcher = agent({
    proxy: (origin) => (origin.hostname === "localhost" ? proxy.origin : undefined),
    connect: { ca: cert },
  });
  const { body } = await request(`https://localhost:${port}`, { dispatcher, method: "PUT", body: "body", ...trailers });
  expect(await body.text()).toBe(trailers.trailers.Md5);
  expect(proxy.asked).toEqual([`localhost:${port}`]);
  const mistrusting = agent({ proxy: proxy.origin });
  await expect(request(`https://localhost:${port}`, { dispatcher: mistrusting })).rejects.toMatchObject({
    code: "DEPTH_ZERO_SELF_SIGNED_CERT",
  });
});

test.each([
  ["HTTP/1.1 403 Forbidden\r\n\r\n", "refused a tunnel to 127.0.0.1:1: 403 Forbidden"],
  ["HTTP/1.1 200 OK\r\n\r\nearly", "sent content with its response to CONNECT"],
  ["SSH-2.0-OpenSSH\r\n\r\n", "sent an invalid response to CONNECT"],
  ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 x\r\n\r\n", "refused a tunnel to 127.0.0.1:1: 502 x"],
  [`HTTP/1.1 200 OK\r\nX: ${"x".repeat(17_000)}`, "sent a response to CONNECT that is too long"],
  ["", "closed the connection without a response to CONNECT"],
])("a proxy that answers %j fails the request", async (answer, reason) => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(answer);
    connection.end();
  });
  const { host } = new URL(server.origin);
  await expect(request("http://127.0.0.1:1", { dispatcher: agent({ proxy: server.origin }) })).rejects.toMatchObject({
    code: "ERR_PROXY_TUNNEL",
    message: `the proxy ${host} ${reason}`,
    connecting: true,
  });
});

test("a proxy that cannot be used is refused before anything is sent", () => {
  const message = "invalid proxy: its URL must begin with http:// or https://";
  expect(() => new TrailerAgent({ proxy: "socks5://user:secret@host" })).toThrow(message);
  expect(() => new TrailerAgent({ proxy: "http://host", connect: { socketPath: "/socket" } })).toThrow("socketPath");
});
