import { createHash } from "node:crypto";

import { freePort, rawClient, type RunningTrailsum, startTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { findChromium, launchChromium } from "@trailsum/testkit/chromium";
import { describe, expect, test } from "vitest";

import type { Status } from "../src/status/status.ts";
import { statusPage } from "../src/status/status-page.ts";

/** Where a command says that its page is. */
async function statusUrl({ stderr }: RunningTrailsum): Promise<string> {
  await expect.poll(stderr, { timeout: 20_000 }).toContain("status at ");
  return /status at (\S+)/.exec(stderr())![1]!;
}

async function statusOf(url: string): Promise<Status> {
  const response = await fetch(new URL("status.json", url), { headers: { Connection: "close" } });
  return (await response.json()) as Status;
}

const flags = ["--status", "127.0.0.1:0", "--log", "text", "--port", "0"];

async function put(url: string, digested: string): Promise<number> {
  const digest = createHash("sha256").update(digested).digest("base64");
  const headers = { "Repr-Digest": `sha-256=:${digest}:`, Connection: "close" };
  const response = await fetch(url, { method: "PUT", body: "body", headers });
  await response.arrayBuffer();
  return response.status;
}

/** Begins an upload of 1,000 bytes and sends a quarter. */
async function quarter(running: RunningTrailsum) {
  const client = await rawClient(Number(new URL(running.url).port));
  await client.write(
    "PUT /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\nContent-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\n\r\n",
  );
  await client.write("x".repeat(250));
  return client;
}

describe("serve --status", () => {
  test("shows verdicts, connections, and what is under way with its progress, without script", async () => {
    const running = await startTrailsum(["serve", await tempDir(), ...flags]);
    const url = await statusUrl(running);
    expect([await put(`${running.url}/a`, "body"), await put(`${running.url}/b`, "other")]).toEqual([201, 400]);
    const slow = await quarter(running);
    await expect.poll(async () => (await statusOf(url)).underWay[0]?.received, { timeout: 20_000 }).toBe(250);
    expect(await statusOf(url)).toMatchObject({
      connections: 1,
      exchanges: 2,
      received: 8,
      verdicts: { verified: 1, mismatched: 1, missing: 0, malformed: 0, unverified: 0 },
      underWay: [{ client: "127.0.0.1", method: "PUT", target: "/slow", expected: 1000 }],
      underWayTotal: 1,
    });
    const response = await fetch(url, { headers: { Connection: "close" } });
    const page = await response.text();
    expect(response.headers.get("Content-Security-Policy")).toMatch(/^default-src 'none'; /);
    expect(page).toContain("<dt>verified</dt><dd>1</dd>");
    expect(page).toContain('<progress max="1000" value="250">25 %</progress>');
    slow.destroy();
    await expect.poll(async () => (await statusOf(url)).underWayTotal, { timeout: 20_000 }).toBe(0);
  });

  test("shares a listener with --metrics at one address, and stops with the command while a page is open", async () => {
    const listening = `127.0.0.1:${await freePort()}`;
    const args = ["--log", "text", "--port", "0", "--status", listening, "--metrics", listening];
    const running = await startTrailsum(["serve", await tempDir(), ...args]);
    const url = await statusUrl(running);
    const metrics = await fetch(new URL("/metrics", url), { headers: { Connection: "close" } });
    expect(await metrics.text()).toContain("trailsum_connections");
    const events = (await fetch(new URL("events", url))).body!.getReader();
    const { value } = await events.read();
    expect(Buffer.from(value ?? []).toString()).toMatch(/^data: "<section>.*"\n\n$/);
    expect(await running.stop()).toMatchObject({ exitCode: 0 });
    await events.read().catch(() => {});
  });

  test("escapes what strangers choose", () => {
    const now: Status = {
      since: new Date(0),
      connections: 1,
      exchanges: 0,
      received: 0,
      sent: 0,
      trailersDropped: 0,
      verdicts: { verified: 0, mismatched: 0, missing: 0, malformed: 0, unverified: 0 },
      unfinishedUploads: 0,
      upstreams: [{ origin: "http://<u>", state: "in use" }],
      underWayTotal: 1,
      underWay: [
        {
          id: "1",
          client: "<b>",
          method: "<i>",
          target: "/<img src=x>\u202e",
          seconds: 1,
          received: 0,
          sent: 0,
          expected: 0,
        },
      ],
    };
    const page = statusPage("serve", now);
    expect(page).not.toMatch(/<(?:b|i|u|img)[ >]/);
    expect(page).toContain("/&lt;img src=x&gt;");
    expect(page).not.toContain("\u202e");
  });
});

describe("proxy --status", () => {
  test("shows which upstreams are ejected", async () => {
    const server = await startTrailsum(["serve", await tempDir(), "--port", "0"]);
    const running = await startTrailsum(["proxy", "http://127.0.0.1:1", `${server.url}/x`, ...flags]);
    const url = await statusUrl(running);
    for (let turn = 0; turn < 8; turn += 1) await put(`${running.url}/${turn}`, "body");
    await expect
      .poll(async () => (await statusOf(url)).upstreams, { timeout: 20_000 })
      .toEqual([
        { origin: "http://127.0.0.1:1", state: "ejected" },
        { origin: server.url, state: "in use" },
      ]);
  });

  test("is refused with workers, and for an invalid address", async () => {
    for (const [args, sentence] of [
      [["--workers", "2", "--status", "127.0.0.1:0"], "--status shows one process"],
      [["--status", "9465"], "--status takes HOST:PORT"],
    ] as const) {
      const { exitCode, stderr } = await trailsum(["proxy", "http://127.0.0.1:1", "--port", "0", ...args]);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(sentence)]);
    }
  });
});

const chromium = await findChromium();

test.skipIf(chromium === undefined)(
  `the page updates itself in Chromium, in dark and light${chromium === undefined ? " (skipped: no Chromium)" : ""}`,
  { timeout: 60_000 },
  async () => {
    const running = await startTrailsum(["serve", await tempDir(), ...flags]);
    const url = await statusUrl(running);
    const browser = await launchChromium(chromium!);
    try {
      const backgrounds: string[] = [];
      for (const colorScheme of ["light", "dark"] as const) {
        const page = await browser.newPage({ colorScheme, viewport: { width: 320, height: 600 } });
        const faults: string[] = [];
        page.on("pageerror", ({ message }) => faults.push(message)).on("console", (it) => faults.push(it.text()));
        await page.goto(url);
        const slow = await quarter(running);
        await page.waitForSelector('progress[value="250"]', { timeout: 20_000 });
        expect(await page.textContent("tbody th")).toBe("PUT /slow");
        slow.destroy();
        await page.waitForSelector("progress", { state: "detached", timeout: 20_000 });
        backgrounds.push(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
        expect(faults).toEqual([]);
        await page.close();
      }
      expect(backgrounds).toEqual(["rgb(255, 255, 255)", "rgb(18, 22, 27)"]);
      const plain = await browser.newPage({ javaScriptEnabled: false });
      await plain.goto(url);
      expect(await plain.textContent("dl")).toContain("Connections");
      // Nothing is wider than the window of a telephone or a desk.
      for (const width of [380, 1280]) {
        await plain.setViewportSize({ width, height: 800 });
        expect(await plain.evaluate("document.documentElement.scrollWidth")).toBe(width);
      }
    } finally {
      await browser.close();
    }
  },
);
