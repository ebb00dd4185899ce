import { certificate, listen, rawServer, tempDir } from "@trailsum/testkit";
import { createServer } from "node:net";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { content, fileOf, sha256 } from "./support/content.ts";
import { inLanes } from "./support/lanes.ts";
import { filesBelow, serve } from "./support/serving.ts";

const trailsum = commandProcess();

test("a server that cannot be talked to is reported in one line with advice, and the command ends with 3", async () => {
  const ssh = await rawServer((connection) => connection.write("SSH-2.0-OpenSSH_9.2p1\r\n"));
  const garbage = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
  });
  const mute = await rawServer(async (connection) => {
    await connection.readHead();
    connection.destroy();
  });
  const plain = await serve();
  const pem = await (await certificate()).files();
  const tls = await serve(["--tls-cert", pem.certFile, "--tls-key", pem.keyFile]);
  const closed = await listen(createServer());
  const file = await fileOf();

  const rows: readonly (readonly [url: string, says: RegExp])[] = [
    ["http://127.0.0.1:1/it", /connection refused: is the server running, and is the port right\?$/],
    ["http://nowhere.invalid/it", /no such host: is the name right\?$|could not be looked up: is there a network\?$/],
    [`${ssh.origin}/it`, /does not speak HTTP/],
    [`${garbage.origin}/it`, /HTTP/],
    [`${mute.origin}/it`, /the connection was /],
    [
      `${plain.url.replace("http:", "https:")}/it`,
      /the server does not speak TLS: use http:\/\/ instead of https:\/\/$/,
    ],
    [`${tls.url.replace("https:", "http:")}/it`, /the connection was /],
    [`${tls.url}/it`, /its certificate is not trusted \(.*\): name its issuer's file in NODE_EXTRA_CA_CERTS$/],
  ];
  const place = await tempDir();
  const commands = rows.flatMap(([url, says]) => [
    { args: ["upload", file, url], says },
    { args: ["download", url], says },
  ]);
  const results = await inLanes(
    commands,
    async () => {},
    async ({ args, says }) => {
      const { exitCode, stdout, stderr } = await trailsum(args, { cwd: place });
      const [sentence = "", ...rest] = stderr.split("\n");
      return [args.join(" "), exitCode, stdout, says.test(sentence) || sentence, rest];
    },
  );
  expect(results).toEqual(commands.map(({ args }) => [args.join(" "), 3, "", true, [""]]));
  expect(await filesBelow(place)).toEqual([]);
  expect(closed.connections()).toBe(0);
});

test("a certificate that NODE_EXTRA_CA_CERTS names is trusted, and everything works over TLS", async () => {
  const { certFile, keyFile } = await (await certificate()).files();
  const { url, port } = await serve(["--tls-cert", certFile, "--tls-key", keyFile]);
  expect(url).toBe(`https://127.0.0.1:${port}`);
  const env = { NODE_EXTRA_CA_CERTS: certFile };
  const cwd = await tempDir();
  const sent = await trailsum(["upload", await fileOf(), `https://localhost:${port}/it`, "--json"], { env });
  expect([sent.exitCode, sent.stderr]).toEqual([0, ""]);
  expect(JSON.parse(sent.stdout)).toMatchObject({ confirmedBy: "server" });
  const received = await trailsum(["download", `${url}/it`, "--require", "verified"], { env, cwd });
  expect([received.exitCode, received.stdout, received.stderr]).toEqual([0, `${sha256(content)}  it\n`, ""]);
});
