import { createServer } from "node:http";

import { listen } from "@trailsum/testkit";
import { findChromium, launchChromium } from "@trailsum/testkit/chromium";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createMemoryStore, createUploadHandler, type Store } from "../src/index.ts";
import { base64, content, other } from "./peer.ts";

const chromium = await findChromium();

/** The relative luminance of a color as `getComputedStyle` gives it (WCAG 2.2). */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The contrast of two colors: 1 to 21. */
function contrast(one: string, another: string): number {
  const [light, dark] = [luminance(one), luminance(another)].toSorted((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** What a reader sees of a page. */
interface Seen {
  readonly clientWidth: number;
  readonly scrollWidth: number;
  readonly background: string;
  /** The colors of all elements that have text of their own. */
  readonly colors: readonly string[];
}

/** Runs in the page, and gives a {@link Seen}. */
const SEEN = `(() => {
  const { clientWidth, scrollWidth } = document.documentElement;
  const hasText = ({ childNodes }) => [...childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim() !== "");
  return {
    clientWidth,
    scrollWidth,
    background: getComputedStyle(document.body).backgroundColor,
    colors: [...document.querySelectorAll("body *")].filter(hasText).map((element) => getComputedStyle(element).color),
  };
})()`;

/** A service that lists a directory, a name long enough to be wrapped, and one that looks like markup. */
async function serveListing(): Promise<string> {
  const handle = createUploadHandler({ store: createMemoryStore(), listing: true, allowUnverified: true });
  const { origin } = await listen(createServer((req, res) => void handle(req, res)));
  for (const name of ["a.txt", `${"long-".repeat(30)}name.bin`, "sub/inner.txt", "%3Cimg%20src=x%3E"]) {
    // oxlint-disable-next-line no-await-in-loop -- one connection
    await request(`${origin}/${name}`, { method: "PUT", body: content });
  }
  return origin;
}

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
    });
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

    describe.each(["light", "dark"] as const)("opens the listing in %s", (colorScheme) => {
      test.each([380, 1280])("at %d pixels, with nothing cut off and all text legible", async (width) => {
        const origin = await serveListing();
        const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
        const page = await context.newPage();
        const complaints: string[] = [];
        page.on("console", (message) => complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(error.message));
        await page.goto(`${origin}/`);

        const { clientWidth, scrollWidth, background, colors } = await page.evaluate<Seen>(SEEN);
        expect(scrollWidth).toBeLessThanOrEqual(clientWidth);
        expect(luminance(background) > 0.5).toBe(colorScheme === "light");
        expect(Math.min(...colors.map((color) => contrast(color, background)))).toBeGreaterThanOrEqual(4.5);

        expect(await page.locator("img").count()).toBe(0);
        await page.getByRole("link", { name: "sub/" }).click();
        expect(page.url()).toBe(`${origin}/sub/`);
        const downloading = page.waitForEvent("download");
        await page.getByRole("link", { name: "inner.txt" }).click();
        expect((await downloading).suggestedFilename()).toBe("inner.txt");
        expect(complaints).toEqual([]);
        await context.close();
      });
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
