import { certificate, errorCodes, type Http2Stream, rawHttp2Client, requestFields } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { base64Of, content, fileOf, md5, patterned } from "./support/content.ts";
import { ForeignTool } from "./support/foreign-tool.ts";
import { serve, type Serving } from "./support/serving.ts";

const curl = await ForeignTool.find("curl");

const put = requestFields("PUT", "/it", [["trailer", "md5"]]);

/** A `trailsum serve`, over TLS or not, and what a client needs to speak HTTP/2 to it. */
async function serving(secure: boolean, args: readonly string[] = []) {
  const tls = await certificate();
  const { keyFile, certFile } = await tls.files();
  const served: Serving = await serve([...args, ...(secure ? ["--tls-cert", certFile, "--tls-key", keyFile] : [])]);
  return {
    ...served,
    join: () => rawHttp2Client(served.port, secure ? { tls: { ca: tls.cert } } : {}),
    curlArgs: secure ? ["--http2", "--cacert", certFile] : ["--http2-prior-knowledge"],
  };
}

async function finish(stream: Http2Stream): Promise<void> {
  await stream.endWithTrailers([["md5", md5(content)]]);
  await stream.untilEnd();
}

describe.each([
  ["over TLS", true],
  ["in the clear", false],
])("HTTP/2 %s", (_how, secure) => {
  test("an upload with trailers is stored, and returned with them", async () => {
    const { join, visible } = await serving(secure);
    const peer = await join();
    const upload = await peer.request(put);
    await upload.body(content);
    await finish(upload);
    expect([upload.status, await visible()]).toEqual([201, ["it"]]);
    const download = await peer.request(requestFields("GET", "/it"), { endStream: true });
    await download.untilEnd();
    expect(download.data).toEqual(content);
    const digests = `md5=:${base64Of("md5", content)}:, sha-256=:${base64Of("sha256", content)}:`;
    expect(download.trailers).toEqual([
      ["md5", md5(content)],
      ["size", String(content.length)],
      ["content-digest", digests],
    ]);
  });

  test("SIGTERM lets a running upload finish after GOAWAY, and ends with 0", async () => {
    const { join, child, exited, visible, staged } = await serving(secure);
    const peer = await join();
    const upload = await peer.request(put);
    await upload.body(content);
    await expect.poll(staged).toHaveLength(1);
    child.kill("SIGTERM");
    expect((await peer.untilGoaway()).errorCode).toBe(errorCodes.NO_ERROR);
    await finish(upload);
    expect(upload.status).toBe(201);
    await peer.connection.readToEnd();
    peer.connection.end();
    const { exitCode, stderr } = await exited;
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^127\.0\.0\.1 "PUT \/it" 201 [^\n]* in=42 [^\n]*verdict=verified [^\n]*\n$/);
    expect([await visible(), await staged()]).toEqual([["it"], []]);
  });

  test.skipIf(!curl.present)(`${curl.title} that is refused early is informed`, async () => {
    const { url, curlArgs, visible, staged } = await serving(secure, ["--max-size", "1K"]);
    const reported = ["-sS", "-o", "/dev/null", "-w", "%{http_version} %{http_code}"];
    const large = await fileOf(patterned(5_000_000));
    const { stdout } = await curl.run([...curlArgs, ...reported, "-H", "Expect:", "-T", large, `${url}/large`]);
    expect(stdout).toBe("2 413");
    expect([await visible(), await staged()]).toEqual([[], []]);
  });
});

test("a connection that is lost leaves nothing behind of any of its uploads", async () => {
  const { join, visible, staged, stderr } = await serving(true, ["--allow-unverified"]);
  const peer = await join();
  for (let at = 0; at < 5; at += 1) {
    const stream = await peer.request(requestFields("PUT", `/it/${at}`));
    await stream.body(content);
  }
  await expect.poll(staged).toHaveLength(5);
  peer.connection.reset();
  await expect.poll(staged).toEqual([]);
  expect(await visible()).toEqual([]);
  await expect.poll(stderr).toMatch(/^(?:127\.0\.0\.1 "PUT \/it\/\d" - [^\n]+\n){5}$/);
});
