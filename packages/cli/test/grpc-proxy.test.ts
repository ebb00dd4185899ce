import { once } from "node:events";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { text } from "node:stream/consumers";

import { status } from "@grpc/grpc-js";
import { createProxyServer, type ProxyServerOptions } from "@trailsum/proxy";
import { certificate, deadline, rawServer, startTrailsum } from "@trailsum/testkit";
import { GrpcClient } from "@trailsum/testkit/grpc-client";
import { type GrpcService, startGrpcService } from "@trailsum/testkit/grpc-service";
import { describe, expect, onTestFinished, test } from "vitest";

const nowhere = "http://127.0.0.1:1";

function grpcClient(origin: string): GrpcClient {
  const client = new GrpcClient(origin);
  onTestFinished(() => client.close());
  return client;
}

/** A service over TLS. Its connections are gone when the test has ended. */
async function secureService(): Promise<GrpcService> {
  const service = await startGrpcService({ tls: await certificate() });
  onTestFinished(() => service.stop());
  return service;
}

/** A proxy that listens in cleartext. */
async function proxy(options: Omit<ProxyServerOptions, "listen">): Promise<string> {
  const server = createProxyServer({ ...options, listen: { port: 0 } });
  const { url } = await server.listen();
  onTestFinished(() => server.close({ graceMs: 0 }));
  return url;
}

/** What the three kinds of calls report of a failure. */
async function failures(client: GrpcClient): Promise<unknown[]> {
  const calls = [
    client.unary("echo", Buffer.from("hello")),
    client.serverStream("count", Buffer.from('{"count":1,"size":1}')),
    client.bidi("pingPong"),
  ];
  const outcomes = await Promise.all(calls.map(({ outcome }) => outcome));
  // A head and nothing after it.
  return outcomes.map(({ code, messages, initial }) => ({ code, messages, initial }));
}

const threeTimes = (code: status): unknown[] =>
  Array.from({ length: 3 }, () => ({ code, messages: [], initial: undefined }));

describe("a gRPC call that the proxy cannot hand on", () => {
  test("to a service that is not there is answered with 14, and why in few words", async () => {
    const client = grpcClient(await proxy({ target: nowhere }));
    expect(await failures(client)).toEqual(threeTimes(status.UNAVAILABLE));
    const { details } = await client.unary("echo", Buffer.alloc(0)).outcome;
    expect(details).toBe("the origin could not be reached, or did not answer as it should");
  });

  test("to a service with a certificate that is not trusted is answered with 14", async () => {
    const { origin, calls } = await secureService();
    expect(await failures(grpcClient(await proxy({ target: origin })))).toEqual(threeTimes(status.UNAVAILABLE));
    expect(calls).toEqual([]);
  });

  test("to a server that understands no HTTP/2 is answered with 14", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readUntil("\r\n\r\n");
      connection.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    const { url } = await startTrailsum(["proxy", server.origin, "--origin-http2", "--port", "0"]);
    expect(await failures(grpcClient(url))).toEqual(threeTimes(status.UNAVAILABLE));
  });

  test("to a service that is not there in time is answered with 4, and the service gets to know", async () => {
    const { origin, calls } = await secureService();
    const { cert: ca } = await certificate();
    const client = grpcClient(await proxy({ target: origin, agent: { connect: { ca }, headersTimeout: 200 } }));
    const { code, initial } = await client.unary("hang", Buffer.alloc(0)).outcome;
    expect([code, initial]).toEqual([status.DEADLINE_EXCEEDED, undefined]);
    await expect.poll(() => calls.map(({ end }) => end)).toEqual(["cancelled"]);
  });

  test("and whose service dies before it answers is answered with 14", async () => {
    const service = await secureService();
    const { cert: ca } = await certificate();
    const client = grpcClient(await proxy({ target: service.origin, agent: { connect: { ca } } }));
    const { outcome } = client.unary("hang", Buffer.alloc(0));
    await expect.poll(() => service.calls.length).toBe(1);
    service.breakConnections();
    const { code, initial } = await outcome;
    expect([code, initial]).toEqual([status.UNAVAILABLE, undefined]);
  });

  test.each([
    ["application/grpc", 200, "application/grpc", "14"],
    ["application/grpc+json", 200, "application/grpc", "14"],
    ["application/grpc; a=b", 200, "application/grpc", "14"],
    ["Application/GRPC", 200, "application/grpc", "14"],
    // Which has its trailers in the content, and is not this proxy's concern.
    ["application/grpc-web", 502, "application/problem+json", undefined],
    ["application/json", 502, "application/problem+json", undefined],
  ])("with content of type %s is answered with %i and %s", async (type, code, answered, grpcStatus) => {
    const session = connect(await proxy({ target: nowhere }));
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":method": "POST", ":path": "/a/b", "content-type": type, te: "trailers" });
    stream.end();
    const [head] = (await once(stream, "response")) as [IncomingHttpHeaders];
    await text(stream);
    expect([head[":status"], head["content-type"], head["grpc-status"]]).toEqual([code, answered, grpcStatus]);
  });
});

/** A service in cleartext, and `trailsum proxy` before it. */
async function proxied(args: readonly string[] = []): Promise<GrpcClient> {
  const service = await startGrpcService();
  onTestFinished(() => service.stop());
  const { url } = await startTrailsum(["proxy", service.origin, "--origin-http2", "--port", "0", ...args]);
  return grpcClient(url);
}

describe("gRPC through trailsum proxy", () => {
  test("is not held up by verification, nor by several processes", async () => {
    const client = await proxied(["--verify", "enforce", "--workers", "2"]);
    const { stream, outcome } = client.bidi("pingPong", { metadata: [["trailing-total", "3"]] });
    for (const message of ["one", "two", "three"]) {
      const answer = once(stream, "data");
      stream.write(Buffer.from(message));
      expect(String((await answer)[0])).toBe(message);
    }
    stream.end();
    const { code, trailing } = await outcome;
    expect([code, trailing.get("total")]).toEqual([status.OK, ["3"]]);
  });

  test.each([
    ["in the head of a response", {}],
    ["after a head", { metadata: [["initial-x", "y"]] }],
  ] as const)("has a stream of messages answered before it has ended, %s", async (_where, options) => {
    const client = await proxied();
    const { stream, outcome } = client.clientStream("interrupt", options);
    const write = (): void => {
      while (stream.write(Buffer.alloc(65_536)));
    };
    stream.on("drain", write);
    write();
    const { code, details } = await outcome;
    stream.off("drain", write);
    expect([code, details]).toEqual([status.OUT_OF_RANGE, "enough"]);
    expect((await client.unary("echo", Buffer.from("next")).outcome).code).toBe(status.OK);
  });

  test("fails when there is more trailing metadata than is let through, and is not cut short", async () => {
    const client = await proxied();
    // The request is small: its own head would be refused otherwise.
    const asked = { code: status.NOT_FOUND, details: "x".repeat(18_000), after: 1 };
    const { code, trailing } = await client.serverStream("refuse", Buffer.from(JSON.stringify(asked))).outcome;
    expect([code, trailing.toJSON()]).toEqual([status.INTERNAL, {}]);
    expect((await client.unary("echo", Buffer.from("next")).outcome).code).toBe(status.OK);
  });

  test("is refused when its own metadata is larger than the head of a request may be", async () => {
    const client = await proxied();
    const metadata = Array.from({ length: 9 }, (_, at) => [`x-${at}`, "x".repeat(2_000)] as const);
    const { code } = await client.unary("echo", Buffer.from("hello"), { metadata }).outcome;
    expect(code).toBe(status.RESOURCE_EXHAUSTED);
    expect((await client.unary("echo", Buffer.from("next")).outcome).code).toBe(status.OK);
  });
});

describe("trailsum proxy that is stopped", () => {
  test("lets the calls finish that have begun, and takes no more", async () => {
    const service = await startGrpcService();
    onTestFinished(() => service.stop());
    const running = await startTrailsum(["proxy", service.origin, "--origin-http2", "--port", "0"]);
    const client = grpcClient(running.url);
    const { stream, messages, outcome } = client.bidi("pingPong");
    stream.write(Buffer.from("before"));
    await once(stream, "data");
    running.child.kill("SIGTERM");
    // Others find no one from now on.
    const knock = async (): Promise<status> =>
      (await grpcClient(running.url).unary("echo", Buffer.alloc(0)).outcome).code;
    await expect.poll(knock).toBe(status.UNAVAILABLE);
    stream.write(Buffer.from("after"));
    await once(stream, "data");
    stream.end();
    const { code } = await outcome;
    expect([code, messages.map(String)]).toEqual([status.OK, ["before", "after"]]);
    const { exitCode } = await deadline(running.exited, () => "the proxy does not end");
    expect(exitCode).toBe(0);
  });
});
