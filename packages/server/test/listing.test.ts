import { createHash } from "node:crypto";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { createMemoryStore, type ListEntry, type Store } from "../src/index.ts";
import { protocols } from "./http2-peer.ts";
import { content, directoryFixture, exchange, handle, readObject, request, upload } from "./peer.ts";

/** The targets of the links of a table's rows. */
const links = (page: string): string[] =>
  [...page.matchAll(/<th scope="row"><a href="([^"]*)"/g)].map(([, href]) => href!);

/** A server that lists a directory with these objects in it. */
async function listed(names: readonly string[], options: Parameters<typeof handle>[0] = {}) {
  const store = createMemoryStore();
  const handling = await handle({ store, listing: true, ...options });
  for (const name of names) {
    const path = name.split("/").map(encodeURIComponent).join("/");
    // oxlint-disable-next-line no-await-in-loop -- in this order
    expect((await exchange(handling.port, upload(`/${path}`))).status).toBe(201);
  }
  const get = (target: string, ...fields: string[]) => exchange(handling.port, request(`GET ${target}`, fields));
  const page = async (target: string): Promise<string> => (await get(target)).message.body.toString();
  const json = async (target: string) => (await get(target, "Accept: application/json")).json;
  return { ...handling, get, page, json };
}

/** A store whose directories have these entries. */
function storeOf(entries: () => AsyncIterable<ListEntry>): Store {
  return { ...createMemoryStore(), list: async () => entries() };
}

describe.each(protocols)("a listing, over %s", (_protocol, { handle: start, exchange: send }) => {
  test("is a page that no script and no other site can use", async () => {
    const { port } = await start({ listing: true });
    await send(port, upload("/a/b"));
    const answer = await send(port, request("GET /a/"));
    expect([answer.status, answer.field("Content-Type"), answer.field("Cache-Control")]).toEqual([
      200,
      "text/html; charset=utf-8",
      "no-cache",
    ]);
    expect(answer.field("Content-Security-Policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; img-src data:;/,
    );
    const page = answer.message.body.toString();
    const [, style = ""] = /<style>(.*)<\/style>/s.exec(page)!;
    expect(answer.field("Content-Security-Policy")).toContain(createHash("sha256").update(style).digest("base64"));
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page).toContain("<h1><bdi>a/</bdi></h1>");
    expect(page).toContain(createHash("sha256").update(content).digest("hex"));
    expect(links(page)).toEqual(["b"]);
  });

  test("has the same head for HEAD", async () => {
    const { port } = await start({ listing: true });
    const answers = [await send(port, request("GET /")), await send(port, request("HEAD /"), { head: true })];
    const fields = answers.map((answer) => [answer.status, answer.field("Content-Type"), answer.field("Vary")]);
    expect(fields).toEqual([fields[0], fields[0]]);
    expect(answers[1]!.message.body.length).toBe(0);
  });
});

test("JSON is sent to a client that prefers it", async () => {
  const { get } = await listed(["a/b", "a/c/d"]);
  const answer = await get("/a/", "Accept: application/json");
  expect([answer.status, answer.field("Content-Type"), answer.field("Vary")]).toEqual([
    200,
    "application/json",
    "Accept",
  ]);
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown;
  const digests = expect.objectContaining({ "sha-256": createHash("sha256").update(content).digest("hex") }) as unknown;
  expect(answer.json).toEqual({
    path: "a",
    entries: [
      { name: "c", kind: "directory", modified: time },
      { name: "b", kind: "object", size: content.length, modified: time, digests, verified: time },
    ],
  });
});

test.each([
  ["application/json", true],
  ["application/*", true],
  ["text/html;q=0.5, application/json", true],
  ["application/json;q=0.5, text/html", false],
  ["*/*", false],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false],
  ["application/json;q=0, */*", false],
  ["image/png", false],
  ["", false],
])("Accept: %s gets JSON: %s", async (accept, json) => {
  const { get } = await listed([]);
  expect((await get("/", `Accept: ${accept}`)).field("Content-Type")?.includes("json")).toBe(json);
});

test("every name has a relative link that leads to the object", async () => {
  const names = [
    "a b",
    "c:d",
    "100%",
    "#?&=+;",
    "'\"<>`",
    "ö/é",
    "~!*()",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "$@,",
  ];
  const { port, store, page, get } = await listed(names.map((name) => `dir x/${name}`));
  const text = await page("/dir%20x/");
  expect(text).not.toMatch(/<(?:script|img)/);
  const reached = await Promise.all(
    links(text).map(async (href) => {
      const { pathname, origin } = new URL(href, `http://127.0.0.1:${port}/dir%20x/`);
      expect(origin).toBe(`http://127.0.0.1:${port}`);
      return (await get(pathname)).status;
    }),
  );
  expect(reached).toEqual(names.map(() => 200));
  expect(await readObject(store, "dir x/c:d")).toEqual(content);
  expect(links(await page("/dir%20x/"))).toContain("%C3%B6/");
});

test("a directory without its slash is redirected to, relative to where it is", async () => {
  const { port, get } = await listed(["a/b c/d"]);
  const answer = await get("/a/b%20c?sort=size");
  expect([answer.status, answer.field("Location")]).toEqual([307, "./b%20c/?sort=size"]);
  expect(new URL(answer.field("Location")!, `http://127.0.0.1:${port}/a/b%20c`).pathname).toBe("/a/b%20c/");
});

test.each(["/none", "/none/", "/a/b/", "/a/b/c"])("%s, if absent, is 404", async (target) => {
  const { get } = await listed(["a/b"]);
  expect((await get(target)).status).toBe(404);
});

test("the links of the page sort it, directories first", async () => {
  const { directory, store } = await directoryFixture();
  await mkdir(join(directory, "z"));
  for (const [at, name] of ["file10", "file2", "b"].entries()) {
    await writeFile(join(directory, name), "x".repeat(at === 1 ? 30 : at));
    await utimes(join(directory, name), 1_000_000 - at, 1_000_000 - at);
  }
  const { port } = await handle({ store, listing: true });
  const page = async (query: string): Promise<string> =>
    (await exchange(port, request(`GET /${query}`))).message.body.toString();
  const orders = [...(await page("")).matchAll(/<a href="(\?[^"]*)"/g)].map(([, href]) =>
    href!.replaceAll("&amp;", "&"),
  );
  expect(orders).toEqual(["?sort=name&order=desc", "?sort=size&order=asc", "?sort=modified&order=asc"]);
  expect(links(await page(""))).toEqual(["z/", "b", "file2", "file10"]);
  const sorted = await Promise.all(orders.map(async (query) => links(await page(query))));
  expect(sorted).toEqual([
    ["z/", "file10", "file2", "b"],
    ["z/", "file10", "b", "file2"],
    ["z/", "b", "file2", "file10"],
  ]);
  expect(await page("?sort=size&order=asc")).toContain('aria-sort="ascending"><a href="?sort=size&amp;order=desc"');
});

test.each(["?sort=colour", "?order=up", "?C=M", "?x"])("a listing for %s is refused, not ignored", async (query) => {
  const { get } = await listed([]);
  expect((await get(`/${query}`)).status).toBe(400);
});

test("names that begin with a dot are listed only with dotfiles", async () => {
  const { directory, store } = await directoryFixture();
  await writeFile(join(directory, ".env"), "x");
  await mkdir(join(directory, ".git"));
  const [hidden, shown] = await Promise.all([
    handle({ store, listing: true }),
    handle({ store, listing: true, dotfiles: true }),
  ]);
  const names = async (port: number, target = "/"): Promise<string[]> =>
    links((await exchange(port, request(`GET ${target}`))).message.body.toString());
  expect([await names(hidden.port), await names(shown.port)]).toEqual([[], [".git/", ".env"]]);
  const statuses = ["/.git/", "/.git"].map(
    async (target) => (await exchange(hidden.port, request(`GET ${target}`))).status,
  );
  expect(await Promise.all(statuses)).toEqual([404, 404]);
});

test("nothing is listed without listing, nor by a server that takes writes only", async () => {
  const { get } = await listed(["a/b"], { listing: false });
  expect(await Promise.all(["/", "/a/", "/a"].map(async (target) => (await get(target)).status))).toEqual([
    404, 404, 404,
  ]);
  const writing = await listed(["a/b"], { writeOnly: true });
  expect((await writing.get("/")).status).toBe(405);
});

test("a directory of 100,000 entries is listed whole, as it is read", async () => {
  const last = 100_000;
  let given = 0;
  async function* entries(): AsyncGenerator<ListEntry> {
    for (given = 0; given < last; given += 1) {
      yield { name: `file ${given}`, kind: "object", size: 1, modified: new Date(0) };
    }
  }
  const { port } = await handle({ store: storeOf(entries), listing: true });
  const response = await fetch(`http://127.0.0.1:${port}/?sort=size&order=desc`);
  const page = await response.text();
  expect(links(page)).toHaveLength(last);
  expect(page).toContain("More than 10000 entries, by name");
  expect(page).not.toContain("?sort=");
  // A client that does not read holds the store up.
  const slow = await fetch(`http://127.0.0.1:${port}/`);
  expect(given).toBeLessThan(last);
  await slow.body?.cancel();
});

test("a listing that fails half-way does not look whole", async () => {
  async function* entries(): AsyncGenerator<ListEntry> {
    for (let at = 0; at < 20_000; at += 1) yield { name: `${at}`, kind: "object", size: 1, modified: new Date(0) };
    throw new Error("the disk is gone");
  }
  const { port } = await handle({ store: storeOf(entries), listing: true });
  const response = await fetch(`http://127.0.0.1:${port}/`);
  await expect(response.text()).rejects.toThrow("terminated");
});

test("the root page says how to use the server; with readOnly, only how to download", async () => {
  const { page } = await listed(["a/b"]);
  expect(await page("/")).toContain(`trailsum upload FILE http://test/`);
  expect(await page("/a/")).not.toContain("trailsum upload");
  const reading = await handle({ listing: true, readOnly: true });
  const text = (await exchange(reading.port, request("GET /"))).message.body.toString();
  expect([text.includes("trailsum download"), text.includes("upload")]).toEqual([true, false]);
});
