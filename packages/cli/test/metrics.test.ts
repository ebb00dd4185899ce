import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { listen, rawClient, type RunningTrailsum, startTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { parseExposition, type Sample, sumOf } from "./support/exposition.ts";
import { ForeignTool } from "./support/foreign-tool.ts";

/** Where a command says that its metrics are. */
async function metricsUrl({ stderr }: RunningTrailsum): Promise<string> {
  await expect.poll(stderr).toContain("metrics at ");
  return /metrics at (\S+)/.exec(stderr())![1]!;
}

async function scrape(url: string): Promise<Sample[]> {
  const response = await fetch(url, { headers: { Connection: "close" } });
  expect([response.status, response.headers.get("Content-Type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  return parseExposition(await response.text());
}

/** The processes that it has started. */
async function workersOf({ child: { pid } }: RunningTrailsum): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children.trim().split(" ").map(Number);
}

const measured = ["--metrics", "127.0.0.1:0", "--log", "text", "--port", "0"];

const digest = { "Repr-Digest": `sha-256=:${createHash("sha256").update("body").digest("base64")}:` };

async function put(url: string, headers: Record<string, string> = digest): Promise<number> {
  const response = await fetch(url, { method: "PUT", body: "body", headers: { ...headers, Connection: "close" } });
  await response.arrayBuffer();
  return response.status;
}

describe("serve --metrics", () => {
  test("counts transfers by verdict, direction and mode, bytes, durations, connections and upload resources", async () => {
    const running = await startTrailsum(["serve", await tempDir(), ...measured]);
    const url = await metricsUrl(running);
    expect(await put(`${running.url}/a`)).toBe(201);
    expect(await put(`${running.url}/b`, { "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==" })).toBe(400);
    const uploaded = await trailsum(["upload", "-", `${running.url}/c`, "--delivery", "trailers"], {
      input: "trailers",
    });
    expect(uploaded.exitCode).toBe(0);
    expect(await (await fetch(`${running.url}/a`, { headers: { Connection: "close" } })).text()).toBe("body");
    const staged = { "Upload-Complete": "?0", "Upload-Draft-Interop-Version": "8" };
    expect(await put(`${running.url}/d`, staged)).toBe(201);
    const open = await rawClient(Number(new URL(running.url).port));
    // An exchange is counted when the server is done with it, which can be after its connection has closed.
    const settled = async (): Promise<[number, number]> => {
      const now = await scrape(url);
      return [sumOf(now, "trailsum_connections"), sumOf(now, "trailsum_exchanges_total")];
    };
    await expect.poll(settled).toEqual([1, 5]);
    const samples = await scrape(url);
    const transfers = (labels: Record<string, string>): number =>
      sumOf(samples, "trailsum_transfers_total", { by: "server", ...labels });
    expect([
      transfers({ direction: "upload", verdict: "verified", mode: "header" }),
      transfers({ direction: "upload", verdict: "mismatched", mode: "header" }),
      transfers({ direction: "upload", verdict: "verified", mode: "trailers" }),
      transfers({ direction: "download", verdict: "none" }),
      sumOf(samples, "trailsum_uploads_unfinished"),
    ]).toEqual([1, 1, 1, 1, 1]);
    expect(sumOf(samples, "trailsum_content_bytes_total", { direction: "upload" })).toBe(4 * 3 + 8);
    expect(sumOf(samples, "trailsum_exchange_duration_seconds_count", { method: "PUT", status: "2xx" })).toBe(3);
    open.destroy();
  });

  test("has no label that a client makes up", async () => {
    const running = await startTrailsum(["serve", await tempDir(), ...measured]);
    const url = await metricsUrl(running);
    const asked = async (name: number): Promise<void> => {
      const client = await rawClient(Number(new URL(running.url).port));
      await client.write(`M${name} /p${name}?q=${name} HTTP/1.1\r\nHost: h${name}\r\nConnection: close\r\n\r\n`);
      await client.readToEnd();
    };
    await asked(0);
    await expect.poll(async () => sumOf(await scrape(url), "trailsum_exchanges_total")).toBe(1);
    const before = (await scrape(url)).length;
    for (let name = 1; name < 20; name += 1) await asked(name);
    await expect.poll(async () => sumOf(await scrape(url), "trailsum_exchanges_total", { method: "other" })).toBe(20);
    expect((await scrape(url)).length).toBe(before);
  });

  test("answers nothing but metrics at its address, and refuses an address that it cannot use", async () => {
    const running = await startTrailsum(["serve", await tempDir(), ...measured]);
    const url = await metricsUrl(running);
    expect((await fetch(new URL("/", url))).status).toBe(404);
    expect((await fetch(url, { method: "POST" })).status).toBe(405);
    expect((await fetch(`${running.url}/metrics`)).status).toBe(404);
    const { port } = await listen(createServer());
    for (const [address, sentence] of [
      [`127.0.0.1:${port}`, "for metrics"],
      ["9464", "--metrics takes HOST:PORT"],
      ["127.0.0.1:99999", "--metrics takes HOST:PORT"],
    ] as const) {
      const { exitCode, stderr } = await trailsum(["serve", await tempDir(), "--port", "0", "--metrics", address]);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(sentence)]);
    }
  });
});

describe("proxy --metrics", () => {
  test("counts the trailers that it drops and the upstreams that it ejects", async () => {
    const server = await startTrailsum(["serve", await tempDir(), "--port", "0"]);
    const away = "http://127.0.0.1:1";
    const running = await startTrailsum(["proxy", away, server.url, "--verify", "observe", ...measured]);
    const url = await metricsUrl(running);
    for (let turn = 0; turn < 8; turn += 1) expect(await put(`${running.url}/${turn}`)).toBe(201);
    const client = await rawClient(Number(new URL(running.url).port));
    await client.write(
      "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
        "4\r\nbody\r\n0\r\nMd5: 841a2d689ad86bd1611447453c22c6fc\r\nOther: dropped\r\n\r\n",
    );
    expect((await client.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 201 /);
    const names = ["trailsum_trailers_dropped_total", "trailsum_upstreams_ejected"];
    const counted = async (): Promise<number[]> => {
      const samples = await scrape(url);
      return names.map((name) => sumOf(samples, name));
    };
    await expect.poll(counted).toEqual([1, 1]);
  });

  test.runIf(process.platform === "linux")(
    "sums its workers, and a worker that ends takes nothing that was counted with it",
    async () => {
      const server = await startTrailsum(["serve", await tempDir(), "--port", "0"]);
      const running = await startTrailsum(["proxy", server.url, "--workers", "2", ...measured]);
      const url = await metricsUrl(running);
      const count = 12;
      for (let turn = 0; turn < count; turn += 1) expect(await put(`${running.url}/${turn}`)).toBe(201);
      const exchanges = async (): Promise<number> =>
        sumOf(await scrape(url), "trailsum_exchanges_total", { by: "proxy" });
      await expect.poll(exchanges).toBe(count);
      process.kill((await workersOf(running))[0]!, "SIGKILL");
      await expect.poll(running.stderr).toContain("starting another");
      await expect.poll(exchanges).toBe(count);
      expect(sumOf(await scrape(url), "trailsum_exchange_duration_seconds_count")).toBe(count);
    },
  );
});

const prometheus = await ForeignTool.find("prometheus");

test.skipIf(!prometheus.present)(`${prometheus.title} scrapes the metrics`, async () => {
  const running = await startTrailsum(["serve", await tempDir(), ...measured]);
  const { host } = new URL(await metricsUrl(running));
  expect(await put(`${running.url}/a`)).toBe(201);
  const directory = await tempDir();
  const config = join(directory, "prometheus.yml");
  await writeFile(
    config,
    `global: { scrape_interval: 200ms, scrape_timeout: 200ms }\nscrape_configs:\n  - job_name: trailsum\n    static_configs: [{ targets: ["${host}"] }]\n`,
  );
  const port = await prometheus.serve((listening) => [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(directory, "data")}`,
    "--log.level=error",
    `--web.listen-address=127.0.0.1:${listening}`,
  ]);
  const query = async (promql: string): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(promql)}`);
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    return data.result[0]?.value[1];
  };
  await expect
    .poll(() => query('trailsum_transfers_total{verdict="verified",direction="upload",mode="header"}'), {
      timeout: 30_000,
    })
    .toBe("1");
  const quantile = await query("histogram_quantile(0.5, trailsum_exchange_duration_seconds_bucket)");
  expect(Number(quantile)).toBeGreaterThan(0);
});
