import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";

import { type ErrorCode, TrailsumError } from "@trailsum/shared";
import { certificate, rawServer } from "@trailsum/testkit";
import { Agent, type Dispatcher, errors } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { download, TrailerAgent } from "../../src/index.ts";
import { transportError } from "../../src/transfer/transport-error.ts";
import { rejection } from "./peers.ts";

const url = new URL("https://host:8443/secret/path?token=x");

function coded(code: string, message = "what the system says"): Error {
  return Object.assign(new Error(message), { code });
}

describe("an error of the transport becomes one of ours:", () => {
  const table: readonly [code: string, kind: ErrorCode, sentence: string][] = [
    ["ECONNREFUSED", "CONNECT_FAILED", "connection refused: is the server running, and is the port right?"],
    ["ENOTFOUND", "CONNECT_FAILED", "no such host: is the name right?"],
    ["EAI_AGAIN", "CONNECT_FAILED", "the name could not be looked up: is there a network?"],
    ["EHOSTUNREACH", "CONNECT_FAILED", "the host cannot be reached"],
    ["ENETUNREACH", "CONNECT_FAILED", "the network cannot be reached"],
    ["ETIMEDOUT", "CONNECT_FAILED", "the host does not answer"],
    ["EADDRNOTAVAIL", "CONNECT_FAILED", "no local address or port available"],
    ["ECONNRESET", "CONNECTION_LOST", "the connection was reset"],
    ["EPIPE", "CONNECTION_LOST", "the connection was closed"],
    ["HPE_INVALID_EOF_STATE", "CONNECTION_LOST", "the connection was closed too early"],
    ["HPE_INVALID_CONSTANT", "PROTOCOL", "what answers there does not speak HTTP/1.1 (what the system says)"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "PROTOCOL", "the server does not speak TLS: use http:// instead of https://"],
    ["ERR_SSL_TLSV1_ALERT_NO_PROTOCOL", "PROTOCOL", "the TLS handshake failed (what the system says)"],
    ["UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "USAGE", "the request cannot be sent: what the system says"],
    ["EPROTO", "PROTOCOL", "the TLS handshake failed"],
    [
      "CERT_HAS_EXPIRED",
      "UNTRUSTED_CERTIFICATE",
      "its certificate has expired: the operator of the server must renew it",
    ],
    ["CERT_NOT_YET_VALID", "UNTRUSTED_CERTIFICATE", "its certificate is not valid yet: is the clock right?"],
    [
      "ERR_TLS_CERT_ALTNAME_INVALID",
      "UNTRUSTED_CERTIFICATE",
      "its certificate is for another name: is the host right?",
    ],
    ["SOMETHING_NEW", "INTERNAL", "what the system says"],
  ];
  test.each(table)("%s is %s", (code, kind, sentence) => {
    const cause = coded(code);
    const error = transportError(cause, url);
    expect(error).toMatchObject({ code: kind, message: `https://host:8443: ${sentence}`, cause });
  });

  test.each([
    "CERT_REVOKED",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "INVALID_CA",
  ])("%s says how to trust a certificate", (code) => {
    const { code: kind, message } = transportError(coded(code, "self-signed"), url);
    expect(kind).toBe("UNTRUSTED_CERTIFICATE");
    expect(message).toBe(
      "https://host:8443: its certificate is not trusted (self-signed): name its issuer's file in NODE_EXTRA_CA_CERTS",
    );
  });

  const ofUndici: readonly [error: Error, kind: ErrorCode][] = [
    [new errors.ConnectTimeoutError(), "CONNECT_FAILED"],
    [new errors.HeadersTimeoutError(), "TIMEOUT"],
    [new errors.BodyTimeoutError(), "TIMEOUT"],
    [new errors.SocketError("other side closed"), "CONNECTION_LOST"],
    [new errors.ResponseContentLengthMismatchError(), "CONNECTION_LOST"],
    [new errors.ClientDestroyedError(), "CONNECTION_LOST"],
    [new errors.ClientClosedError(), "CONNECTION_LOST"],
    [new errors.HeadersOverflowError(), "PROTOCOL"],
    [new errors.RequestAbortedError(), "ABORTED"],
    [new errors.InvalidArgumentError("invalid header key"), "USAGE"],
    [new errors.NotSupportedError("expect header not supported"), "USAGE"],
  ];
  test.each(ofUndici.map(([error, kind]) => [error.name, kind, error] as const))(
    "undici's %s is %s",
    (_name, kind, error) => {
      expect(transportError(error, url).code).toBe(kind);
    },
  );

  test("an AbortError of the platform is a cancellation", () => {
    expect(transportError(new DOMException("stop", "AbortError"), url).code).toBe("ABORTED");
  });

  test("what could not be sent says what is wrong with it", () => {
    const error = transportError(new errors.InvalidArgumentError("invalid header key"), url);
    expect(error.message).toBe("https://host:8443: the request cannot be sent: invalid header key");
  });

  test("several addresses that were tried give the error of the first", () => {
    const tried = [coded("ECONNREFUSED"), coded("ENETUNREACH")];
    expect(transportError(new AggregateError(tried), url)).toMatchObject({ code: "CONNECT_FAILED", cause: tried[0] });
    expect(transportError(new AggregateError([], "none"), url)).toMatchObject({ code: "INTERNAL" });
  });

  test("what fetch calls a TypeError is what caused it", () => {
    const cause = new errors.SocketError("other side closed");
    expect(transportError(new TypeError("terminated", { cause }), url)).toMatchObject({
      code: "CONNECTION_LOST",
      cause,
    });
    expect(transportError(new TypeError("no function"), url).code).toBe("INTERNAL");
  });

  test("one of ours stays what it is", () => {
    const own = new TrailsumError("FILE_CHANGED", "changed");
    expect(transportError(own, url)).toBe(own);
  });

  test.each(["text", 5, undefined, null, {}])("a thrown %s is an internal error", (thrown) => {
    expect(transportError(thrown, url).code).toBe("INTERNAL");
  });

  test("without a URL the message is the same", () => {
    expect(transportError(coded("EPIPE"), null).message).toBe("the connection was closed");
  });
});

const dispatchers: readonly [name: string, make: (ca?: string) => Dispatcher][] = [
  ["a TrailerAgent", (ca) => new TrailerAgent(ca === undefined ? {} : { connect: { ca } })],
  ["undici's Agent", (ca) => new Agent(ca === undefined ? {} : { connect: { ca } })],
];

describe.each(dispatchers)("through %s, a download from", (_name, make) => {
  const failure = async (from: string, ca?: string): Promise<TrailsumError> => {
    const dispatcher = make(ca);
    onTestFinished(() => dispatcher.destroy());
    return rejection(download(from, `${tmpdir()}/trailsum-never`, { dispatcher }));
  };

  async function closedPort(): Promise<number> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  test("a port where nothing listens fails to connect, by every address of the name", async () => {
    const port = await closedPort();
    for (const host of ["127.0.0.1", "localhost"]) {
      const error = await failure(`http://${host}:${port}/`);
      expect(error).toMatchObject({
        code: "CONNECT_FAILED",
        message: expect.stringContaining("connection refused"),
      });
    }
  });

  test("a name that there is not fails to connect", async () => {
    const error = await failure("http://nowhere.invalid/");
    expect(error).toMatchObject({ code: "CONNECT_FAILED", message: expect.stringMatching(/no such host|looked up/) });
  });

  test("a server with a self-signed certificate is not trusted", async () => {
    const server = await rawServer(() => {}, { tls: await certificate() });
    const error = await failure(server.origin);
    expect(error).toMatchObject({
      code: "UNTRUSTED_CERTIFICATE",
      message: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
    });
  });

  test("a server with a certificate for another name is not trusted", async () => {
    const { cert, key } = await certificate();
    const server = await rawServer(() => {}, { tls: { cert, key } });
    const error = await failure(`https://127.0.0.2:${server.port}/`, cert);
    // Where only 127.0.0.1 is local, nothing listens at the address.
    expect(["UNTRUSTED_CERTIFICATE", "CONNECT_FAILED"]).toContain(error.code);
  });

  test("a server without TLS is reported as such", async () => {
    const server = await rawServer((connection) =>
      connection.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    );
    const error = await failure(server.origin.replace("http:", "https:"));
    expect(error).toMatchObject({
      code: "PROTOCOL",
      message: expect.stringContaining("use http:// instead of https://"),
    });
  });

  test("a server that speaks only TLS is lost, or does not speak HTTP", async () => {
    const server = await rawServer(() => {}, { tls: await certificate() });
    const error = await failure(server.origin.replace("https:", "http:"));
    expect(["PROTOCOL", "CONNECTION_LOST"]).toContain(error.code);
  });
});
