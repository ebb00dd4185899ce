import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { startTrailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { fileOf, md5, patterned } from "./support/content.ts";
import { ForeignTool } from "./support/foreign-tool.ts";
import { serve } from "./support/serving.ts";

const curl = await ForeignTool.find("curl");
/** Large enough that curl asks with `Expect: 100-continue` before it sends it. */
const content = patterned(1_500_000);
const digest = ["-H", `Md5: ${md5(content)}`];

async function run(args: readonly string[], report = "%{http_code}"): Promise<string> {
  const { stdout, stderr } = await curl.run(["-sS", "-o", "/dev/null", "-w", report, ...args]);
  expect(stderr).toBe("");
  return stdout;
}

test.skipIf(!curl.present).each([
  { protocol: "HTTP/1.1", flag: "--http1.1", proxied: false },
  { protocol: "HTTP/1.1", flag: "--http1.1", proxied: true },
  { protocol: "HTTP/2", flag: "--http2-prior-knowledge", proxied: true },
])(
  `${curl.title} uploads over $protocol with and without Expect and a length (proxied: $proxied)`,
  async ({ flag, proxied }) => {
    const { url: server, directory, visible } = await serve();
    const url = proxied ? (await startTrailsum(["proxy", server, "--port", "0"])).url : server;
    const upload = [flag, "-T", await fileOf(content)];
    const wrong = ["-H", `Md5: ${md5(content.subarray(1))}`];
    expect(await run([...upload, ...digest, `${url}/asked`])).toBe("201");
    expect(await run([...upload, ...digest, "-H", "Expect:", `${url}/unasked`])).toBe("201");
    expect(await run([...upload, ...digest, "-H", "Transfer-Encoding: chunked", `${url}/unknown`])).toBe("201");
    expect(await run([...upload, ...digest, "-H", "Expect:", `${url}/asked`])).toBe("200");
    expect(await run([...upload, ...wrong, `${url}/wrong`])).toBe("400");
    expect(await run([...upload, ...digest, "-H", "Expect: the-impossible", `${url}/impossible`])).toBe("417");
    expect(await visible()).toEqual(["asked", "unasked", "unknown"]);
    for (const name of await visible()) expect((await readFile(join(directory, name))).equals(content)).toBe(true);
  },
);

test.skipIf(!curl.present)(`${curl.title} does not send content that is refused by its head`, async () => {
  const { url } = await serve(["--max-size", "1MB"]);
  const upload = ["--http1.1", "-T", await fileOf(content), ...digest, `${url}/large`];
  expect(await run(upload, "%{http_code} %{size_upload}")).toBe("413 0");
});
