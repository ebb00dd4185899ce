import { certificate, startTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { fileOf, patterned, sha256 } from "./support/content.ts";
import { ForeignTool } from "./support/foreign-tool.ts";
import { findPython, pythonProgram } from "./support/python.ts";
import { serve } from "./support/serving.ts";

const [httpx, hypercorn, curl] = [
  await findPython("httpx", "h2"),
  await findPython("hypercorn", "h2"),
  await ForeignTool.find("curl"),
];
const content = patterned(300_000);

test.skipIf(!httpx.present)(`${httpx.title} uploads to trailsum serve over HTTP/2, and fetches`, async () => {
  const { certFile, keyFile } = await (await certificate()).files();
  const { url, visible } = await serve(["--tls-cert", certFile, "--tls-key", keyFile]);
  const reported = await httpx.run([pythonProgram("client"), url, await fileOf(content), certFile]);
  expect(reported.stderr).toBe("");
  expect(JSON.parse(reported.stdout)).toEqual({
    right: ["HTTP/2", 201],
    "unknown length": ["HTTP/2", 201],
    wrong: ["HTTP/2", 400],
    bare: ["HTTP/2", 400],
    "nothing there": ["HTTP/2", 404],
    fetched: ["HTTP/2", 200, true],
  });
  expect(await visible()).toEqual(["right", "unknown"]);
});

test.skipIf(!hypercorn.present || !curl.present).each([
  { version: "1.1", flags: [] },
  { version: "2", flags: ["--origin-http2"] },
])(`${hypercorn.title} is an origin of HTTP/$version for trailsum proxy`, async ({ version, flags }) => {
  const port = await hypercorn.serve((free) => [pythonProgram("store"), `${free}`]);
  const { url } = await startTrailsum(["proxy", `http://127.0.0.1:${port}`, "--port", "0", ...flags]);
  const file = await fileOf(content);
  for (const args of [
    ["-T", file],
    ["-T", file, "-H", "Transfer-Encoding: chunked", "--http1.1"],
  ]) {
    const { stdout, stderr } = await curl.run(["-sS", "-w", "%{http_code}", ...args, `${url}/it`]);
    expect([stdout, stderr]).toEqual(["201", ""]);
    const directory = await tempDir();
    const fetched = await trailsum(["download", `${url}/it`, "--require", "verified"], { cwd: directory });
    expect([fetched.exitCode, fetched.stdout, fetched.stderr]).toEqual([0, `${sha256(content)}  it\n`, ""]);
  }
  const { stdout } = await curl.run(["-sS", "-o", "/dev/null", "-w", "%header{x-version}", `${url}/it`]);
  expect(stdout).toBe(version);
});
