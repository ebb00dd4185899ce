import { createServer } from "node:http";

import { listen } from "@trailsum/testkit";
import { findChromium, launchChromium } from "@trailsum/testkit/chromium";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createMemoryStore, createUploadHandler, type Store } from "../src/index.ts";
import { base64, content, other } from "./peer.ts";

const chromium = await findChromium();

/** A service with a page of its own, and uploads. */
async function serve(): Promise<{ readonly origin: string; readonly store: Store }> {
  const store = createMemoryStore();
  const handle = createUploadHandler({ store });
  const server = createServer((req, res) => {
    if (req.url === "/") res.setHeader("Content-Type", "text/html").end("<!doctype html><title>upload</title>");
    else void handle(req, res);
  });
  const { origin } = await listen(server);
  return { origin, store };
}

/** A hop that flips a bit of what is downloaded, and drops the fields of these names. */
async function flippingHop(origin: string, dropped: readonly string[] = []): Promise<string> {
  const server = createServer((req, res) => {
    void request(`${origin}${req.url}`).then(async ({ headers, body }) => {
      const bytes = Buffer.from(await body.arrayBuffer());
      if (req.url !== "/") bytes[0]! ^= 1;
      res.writeHead(200, Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.includes(name))));
      res.end(bytes);
    });
  });
  return (await listen(server)).origin;
}

describe.skipIf(chromium === undefined)(
  `Chromium${chromium === undefined ? " (skipped: it is not installed here)" : ""}`,
  () => {
    let browser: Awaited<ReturnType<typeof launchChromium>>;
    beforeAll(async () => {
      browser = await launchChromium(chromium!);
    }, 60_000);
    afterAll(() => browser.close());

    test("uploads by fetch with a Repr-Digest, and is refused if it is wrong", async () => {
      const { origin, store } = await serve();
      const page = await browser.newPage();
      await page.goto(`${origin}/`);
      const put = (path: string, text: string, digest: string): Promise<readonly [number, unknown]> =>
        page.evaluate(
          async ([target, body, field]) => {
            const answer = await fetch(target!, { method: "PUT", body: body!, headers: { "Repr-Digest": field! } });
            return [answer.status, await answer.json()] as const;
          },
          [path, text, digest],
        );
      const right = `sha-256=:${base64("sha256", content)}:`;
      expect(await put("/right", content.toString(), right)).toMatchObject([201, { verdict: "verified" }]);
      expect(await put("/wrong", other.toString(), right)).toMatchObject([
        400,
        { type: "https://iana.org/assignments/http-problem-types#digest-mismatched-values" },
      ]);
      expect(await store.open("wrong")).toBeUndefined();
      const fetched = await page.evaluate(async () => (await fetch("/right")).text());
      expect(fetched).toBe(content.toString());
      await page.close();
    });

    test("rejects a download that a hop has changed, by its Unencoded-Digest", async ({ skip }) => {
      skip(Number.parseInt(browser.version(), 10) < 141, `Chromium ${browser.version()} does not verify it yet`);
      const { origin } = await serve();
      const headers = { "Repr-Digest": `sha-256=:${base64("sha256", content)}:` };
      await request(`${origin}/it`, { method: "PUT", body: content, headers });
      const page = await browser.newPage();
      const fetchFrom = async (from: string): Promise<string> => {
        await page.goto(`${from}/`);
        return page.evaluate(async () => {
          const answer = await fetch("/it").catch(String);
          return typeof answer === "string" ? answer : answer.text();
        });
      };
      expect(await fetchFrom(origin)).toBe(content.toString());
      expect(await fetchFrom(await flippingHop(origin))).toBe("TypeError: Failed to fetch");
      // What it cannot verify it takes.
      expect(await fetchFrom(await flippingHop(origin, ["unencoded-digest"]))).toHaveLength(content.length);
      await page.close();
    });
  },
);
