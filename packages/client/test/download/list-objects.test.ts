import { expect, test } from "vitest";

import { listObjects } from "../../src/index.ts";
import { httpServer, rejection } from "../transfer/peers.ts";

type Listings = Readonly<Record<string, unknown>>;

async function list(listings: Listings, type = "application/json"): Promise<string[]> {
  const { origin } = await httpServer((request, response) => {
    expect(request.headers.accept).toBe("application/json");
    response.writeHead(200, { "Content-Type": type }).end(JSON.stringify(listings[request.url ?? ""]));
  });
  const found: string[] = [];
  for await (const { url, path, size } of listObjects(`${origin}/d/`)) found.push(`${url.pathname} ${path} ${size}`);
  return found;
}

const object = (name: unknown): object => ({ name, kind: "object", size: 1 });

test("objects below a directory are found, each under its own URL", async () => {
  const names = ["a b", "ä", "%2e%2e", "a?b#c", ":", "__proto__"];
  const found = await list({
    "/d/": { entries: [...names.map(object), { name: "sub", kind: "directory" }] },
    "/d/sub/": { entries: [{ name: "x", kind: "object", size: "many" }] },
  });
  expect(found).toEqual([
    ...names.map((name) => `/d/${encodeURIComponent(name)} ${name} 1`),
    "/d/sub/x sub/x undefined",
  ]);
});

test.each(["..", ".", "", "../x", "/etc/x", "a/b", "a\0b", 1, null])("the name %j ends it", async (name) => {
  const error = await rejection(list({ "/d/": { entries: [object("a"), object(name)] } }));
  expect([error.code, error.message]).toEqual(["PROTOCOL", expect.stringContaining("cannot be the name of a file")]);
});

test.each([[{}], [[]], [null], ["text"], [{ entries: {} }]])("%j is not a listing", async (listing) => {
  expect((await rejection(list({ "/d/": listing }))).message).toContain("is not the listing of a trailsum server");
});

test("a page is not a listing, and a URL that does not end in a slash is not a directory", async () => {
  const error = await rejection(list({ "/d/": { entries: [] } }, "text/html"));
  expect(error.message).toContain("is not the listing of a trailsum server");
  expect((await rejection(listObjects("http://127.0.0.1:1/d").next())).code).toBe("USAGE");
});
