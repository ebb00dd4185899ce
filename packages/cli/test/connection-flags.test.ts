import { createServer as createHttpServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";

import { certificate, listen, rawServer, tempDir } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { proxyFor } from "../src/flags/proxy-environment.ts";
import { commandProcess } from "./support/command-process.ts";
import { connectProxy } from "./support/connect-proxy.ts";
import { content, fileOf } from "./support/content.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

describe("TLS", () => {
  test("--cacert trusts a certificate, --insecure any, with a warning", async () => {
    const { certFile, keyFile } = await (await certificate()).files();
    const { url, visible } = await serve(["--tls-cert", certFile, "--tls-key", keyFile]);
    const file = await fileOf();
    const [trusting, insecure, neither] = await Promise.all([
      trailsum(["upload", file, `${url}/a`, "--cacert", certFile]),
      trailsum(["upload", file, `${url}/b`, "-k", "-q"]),
      trailsum(["upload", file, `${url}/c`]),
    ]);
    expect([trusting.exitCode, trusting.stderr]).toEqual([0, ""]);
    const warning = "trailsum: warning: certificates are not verified (--insecure): the server may be someone else\n";
    expect([insecure.exitCode, insecure.stdout, insecure.stderr]).toEqual([0, "", warning]);
    expect([neither.exitCode, neither.stderr]).toEqual([3, expect.stringContaining("certificate is not trusted")]);
    expect(await visible()).toEqual(["a", "b"]);
    const copy = await trailsum(["download", `${url}/a`, "-o", "-", "-q", "--cacert", certFile]);
    expect([copy.exitCode, copy.stdoutBytes]).toEqual([0, content]);
  });

  test("--cert and --key authenticate the client", async () => {
    const own = await certificate();
    const { cert, key } = own;
    const { certFile, keyFile } = await own.files();
    const server = createTlsServer({ cert, key, ca: cert, requestCert: true, rejectUnauthorized: false });
    server.on("request", (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      response.writeHead(subject?.CN === "localhost" ? 200 : 403).end("ok");
    });
    const { port } = await listen(server);
    const download = ["download", `https://localhost:${port}/it`, "-o", "-", "-q", "--cacert", certFile];
    const cwd = await tempDir();
    const known = await trailsum([...download, "--cert", certFile, "--key", keyFile], { cwd });
    expect([known.exitCode, known.stdout]).toEqual([0, "ok"]);
    expect((await trailsum(download, { cwd })).exitCode).toBe(4);
  });
});

describe("an HTTP proxy", () => {
  test("is used for https and http, by a tunnel that keeps trailers", async () => {
    const { certFile, keyFile } = await (await certificate()).files();
    const [secure, plain, proxy, file] = await Promise.all([
      serve(["--tls-cert", certFile, "--tls-key", keyFile, "--require", "size"]),
      serve(["--require", "size"]),
      connectProxy("ann:se/cret"),
      fileOf(),
    ]);
    const env = { HTTPS_PROXY: proxy.url.replace("//", "//ann:se%2Fcret@") };
    const flag = ["--proxy", env.HTTPS_PROXY, "--delivery", "trailers", "--json"];
    const [byVariable, byFlag] = await Promise.all([
      trailsum(["upload", file, `${secure.url}/it`, "--cacert", certFile], { env }),
      trailsum(["upload", file, `${plain.url}/it`, ...flag]),
    ]);
    expect([byVariable.exitCode, byVariable.stderr]).toEqual([0, ""]);
    expect([byFlag.exitCode, byFlag.stderr]).toEqual([0, ""]);
    expect(JSON.parse(byFlag.stdout)).toMatchObject({ confirmedBy: "server", delivery: { mode: "trailers" } });
    const sent = `Basic ${Buffer.from("ann:se/cret").toString("base64")}`;
    expect(proxy.tunnels.toSorted()).toEqual([secure, plain].map(({ port }) => `127.0.0.1:${port} ${sent}`).toSorted());
  });

  test("that refuses, or is not there, is named in the error, its password not", async () => {
    const { url } = await serve();
    const proxy = await connectProxy("ann:secret");
    const file = await fileOf();
    const { host } = new URL(proxy.url);
    const refused = await trailsum(["upload", file, `${url}/it`, "--proxy", `http://ann:wrong@${host}`]);
    expect([refused.exitCode, refused.stderr]).toEqual([
      3,
      `trailsum: ${url}: the proxy ${host} refused a tunnel to ${new URL(url).host}: 407 Proxy Authentication Required\n`,
    ]);
    const absent = await trailsum(["upload", file, `${url}/it`], { env: { ALL_PROXY: "127.0.0.1:1" } });
    expect([absent.exitCode, absent.stderr]).toEqual([
      3,
      `trailsum: ${url}: the proxy 127.0.0.1:1 cannot be used: connect ECONNREFUSED 127.0.0.1:1\n`,
    ]);
    // NO_PROXY, and an empty flag, go there directly.
    const direct = await Promise.all([
      trailsum(["upload", file, `${url}/a`, "-q"], { env: { ALL_PROXY: "127.0.0.1:1", NO_PROXY: "x, 127.0.0.0/8" } }),
      trailsum(["upload", file, `${url}/b`, "-q", "--proxy", ""], { env: { ALL_PROXY: "127.0.0.1:1" } }),
    ]);
    expect(direct.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
      [0, ""],
      [0, ""],
    ]);
  });

  test("that does not answer ends with --timeout-connect", async () => {
    const silent = await rawServer(async (connection) => {
      await connection.readHead();
    });
    const file = await fileOf();
    const upload = ["upload", file, "http://127.0.0.1:1/it", "--proxy", silent.origin, "--timeout-connect", "0.2"];
    const { exitCode, stderr } = await trailsum(upload);
    expect([exitCode, stderr]).toEqual([3, expect.stringContaining("timed out while connecting")]);
  });

  test.each([
    ["https://a.example/", {}, ""],
    ["https://a.example/", { HTTPS_PROXY: "p:1" }, "p:1"],
    ["https://a.example/", { HTTPS_PROXY: "p:1", https_proxy: "q:1" }, "q:1"],
    ["http://a.example/", { HTTPS_PROXY: "p:1" }, ""],
    ["http://a.example/", { ALL_PROXY: "p:1" }, "p:1"],
    ["http://a.example/", { ALL_PROXY: "p:1", NO_PROXY: "*" }, ""],
    ["http://a.example/", { ALL_PROXY: "p:1", NO_PROXY: "b.example,example" }, ""],
    ["http://a.example/", { ALL_PROXY: "p:1", NO_PROXY: ".EXAMPLE" }, ""],
    ["http://a.example/", { ALL_PROXY: "p:1", NO_PROXY: "*.example" }, ""],
    ["http://aexample/", { ALL_PROXY: "p:1", NO_PROXY: ".example example" }, "p:1"],
    ["http://a.example:81/", { ALL_PROXY: "p:1", NO_PROXY: "a.example:80" }, "p:1"],
    ["http://a.example/", { ALL_PROXY: "p:1", NO_PROXY: "a.example:80" }, ""],
    ["http://10.1.2.3/", { ALL_PROXY: "p:1", NO_PROXY: "10.0.0.0/8" }, ""],
    ["http://11.1.2.3/", { ALL_PROXY: "p:1", NO_PROXY: "10.0.0.0/8,1.2.3,10.0.0.0/99" }, "p:1"],
    ["http://[::1]:8080/", { ALL_PROXY: "p:1", NO_PROXY: "::1" }, ""],
    ["http://[fd00::1]/", { ALL_PROXY: "p:1", NO_PROXY: "fd00::/8" }, ""],
  ])("for %s in %j is %j", (url, environment, proxy) => {
    expect(proxyFor(new URL(url), environment)).toBe(proxy);
  });
});

test("--unix-socket connects to a socket in the file system", async () => {
  const path = join(await tempDir(), "socket");
  const server = createHttpServer((request, response) => void response.end(`${request.headers.host}${request.url}`));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  const { exitCode, stdout } = await trailsum(["download", "http://name/it", "-o", "-", "-q", "--unix-socket", path]);
  expect([exitCode, stdout]).toEqual([0, "name/it"]);
});

test("--timeout-idle ends the wait for a response", async () => {
  const silent = await rawServer(async (connection) => {
    await connection.readHead();
  });
  const cwd = await tempDir();
  const { exitCode, stderr } = await trailsum(["download", `${silent.origin}/it`, "--timeout-idle", "0.2"], { cwd });
  expect([exitCode, stderr]).toEqual([3, `trailsum: ${silent.origin}: timed out waiting for a response\n`]);
});

test("a method in lower case and names of algorithms without dashes are understood", async () => {
  const { url } = await serve();
  const file = await fileOf();
  const { exitCode, stdout } = await trailsum(["upload", file, `${url}/it`, "-X", "put", "--digest", "sha256,SHA512"]);
  expect([exitCode, stdout.split(" ")[0]]).toEqual([0, expect.stringMatching(/^[\da-f]{64}$/)]);
});
