import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { download } from "../../src/index.ts";
import { httpServer, rejection } from "./peers.ts";

const secrets = { Authorization: "Bearer secret", Cookie: "a=b", "X-Kept": "yes" };

describe("a download that is redirected", () => {
  test.each([301, 302, 303, 307, 308])("by %i comes from where it is sent on to", async (status) => {
    const asked: (string | undefined)[] = [];
    const server = await httpServer((request, response) => {
      asked.push(request.headers.authorization);
      if (request.url === "/a/b") response.writeHead(status, { Location: "../c?d=1" }).end("elsewhere");
      else response.end(request.url);
    });
    const path = join(await tempDir(), "file");
    const result = await download(`${server.origin}/a/b`, path, { headers: secrets });
    expect(result.url).toBe(`${server.origin}/c?d=1`);
    expect(await readFile(path, "utf8")).toBe("/c?d=1");
    expect(asked).toEqual(["Bearer secret", "Bearer secret"]);
  });

  test("to another origin is sent without credentials", async () => {
    const asked: Record<string, unknown>[] = [];
    const other = await httpServer((request, response) => {
      asked.push(request.headers);
      response.end("content");
    });
    const server = await httpServer((_request, response) => response.writeHead(302, { Location: other.origin }).end());
    await download(server.origin, join(await tempDir(), "file"), { headers: secrets });
    expect(asked[0]).toMatchObject({ "x-kept": "yes", te: "trailers" });
    expect(asked[0]).not.toHaveProperty("authorization");
    expect(asked[0]).not.toHaveProperty("cookie");
  });

  test("to another origin and back is sent without credentials and the caller's Host", async () => {
    const asked: Record<string, unknown>[] = [];
    let home = "";
    const other = await httpServer((request, response) => {
      asked.push(request.headers);
      response.writeHead(302, { Location: `${home}/back` }).end();
    });
    const server = await httpServer((request, response) => {
      asked.push(request.headers);
      if (request.url === "/a") response.writeHead(302, { Location: other.origin }).end();
      else response.end("content");
    });
    home = server.origin;
    const headers = { ...secrets, Host: "internal.example" };
    await download(`${home}/a`, join(await tempDir(), "file"), { headers });
    const hosts = asked.map(({ host }) => host);
    expect(hosts).toEqual(["internal.example", `127.0.0.1:${other.port}`, `127.0.0.1:${server.port}`]);
    expect(asked.map(({ authorization }) => authorization)).toEqual(["Bearer secret", undefined, undefined]);
  });

  test("to a path in raw UTF-8 goes where browsers go", async () => {
    const server = await httpServer((request, response) => {
      if (request.url === "/a") response.writeHead(302, { Location: "/caf\u00c3\u00a9" }).end();
      else response.end(request.url);
    });
    const path = join(await tempDir(), "file");
    await download(`${server.origin}/a`, path);
    expect(await readFile(path, "utf8")).toBe("/caf%C3%A9");
  });

  test("for ever gives up, and leaves nothing", async () => {
    let hops = 0;
    const server = await httpServer((_request, response) => {
      hops += 1;
      response.writeHead(302, { Location: `/${hops}` }).end();
    });
    const directory = await tempDir();
    const error = await rejection(download(server.origin, join(directory, "file")));
    expect(error).toMatchObject({ code: "REFUSED", message: expect.stringContaining("redirects more than 5 times") });
    expect(hops).toBe(6);
    expect(await readdir(directory)).toEqual([]);
  });

  test("to itself gives up", async () => {
    const server = await httpServer((_request, response) => response.writeHead(302, { Location: "/" }).end());
    expect((await rejection(download(server.origin, join(await tempDir(), "file")))).code).toBe("REFUSED");
  });

  test("to nowhere is refused with its status", async () => {
    const server = await httpServer((_request, response) => response.writeHead(304).end());
    expect(await rejection(download(server.origin, join(await tempDir(), "file")))).toMatchObject({ status: 304 });
  });
});
