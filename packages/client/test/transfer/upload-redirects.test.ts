import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";

import { FeedSource, rawServer, tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { upload } from "../../src/index.ts";
import { receiver, type Receiver, rejection, wireResponse } from "./peers.ts";

const content = Buffer.from("content");
const secrets = { Authorization: "Bearer secret", Cookie: "a=b", "Proxy-Authorization": "Basic x", "X-Kept": "yes" };

/** A server that sends everything to `location`, once it has read it. */
function redirecting(location: string, status = 307): Promise<Receiver> {
  return receiver((response) => response.writeHead(status, { Location: location }).end("elsewhere"));
}

describe("an upload that is redirected", () => {
  test.each([307, 308])("by %i is sent again, whole, to where it is sent on", async (status) => {
    const server = await receiver((response, { path }) =>
      path === "/a" ? response.writeHead(status, { Location: "b?c" }).end() : response.writeHead(201).end(),
    );
    const path = join(await tempDir(), "file");
    await writeFile(path, content);
    const result = await upload(`${server.origin}/a`, path, { method: "POST", headers: secrets });
    expect(result).toMatchObject({ url: `${server.origin}/b?c`, status: 201, digests: { size: 7 } });
    expect(server.uploads).toMatchObject([
      { method: "POST", path: "/a", content },
      { method: "POST", path: "/b?c", content },
    ]);
    // The origin is the same, and so are its credentials.
    expect(server.uploads[1]!.header.get("Authorization")).toBe("Bearer secret");
    expect(server.uploads[1]!.trailer.get("Size")).toBe("7");
  });

  test("to another origin leaves the credentials behind", async () => {
    const other = await receiver();
    const server = await redirecting(`${other.origin}/b`);
    await upload(`${server.origin}/a`, content, { headers: secrets });
    const { header } = other.uploads[0]!;
    expect(header.get("X-Kept")).toBe("yes");
    for (const name of ["Authorization", "Cookie", "Proxy-Authorization"]) expect(header.has(name)).toBe(false);
    expect(server.uploads[0]!.header.get("Authorization")).toBe("Bearer secret");
  });

  test("at once, before its content has arrived, is sent on too", async () => {
    const other = await receiver();
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(
        wireResponse("307 Temporary Redirect", [
          ["Location", other.origin],
          ["Content-Length", "0"],
        ]),
      );
    });
    const large = Buffer.alloc(20_000_000, "x");
    const result = await upload(server.origin, large);
    expect(result.url).toBe(`${other.origin}/`);
    expect(other.uploads[0]!.content.equals(large)).toBe(true);
  });

  test.each([
    ["a stream", () => Readable.from([content])],
    ["an iterable", () => [content]],
  ])("fails where its source is %s, and says where to", async (_kind, make) => {
    const server = await redirecting("/b", 308);
    const error = await rejection(upload(`${server.origin}/a`, make()));
    expect(error).toMatchObject({ code: "REFUSED", status: 308 });
    expect(error.message).toBe(`${server.origin}/a redirects to ${server.origin}/b: upload there`);
  });

  test("lets go of a stream", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(
        wireResponse("307 Temporary Redirect", [
          ["Location", "/b"],
          ["Content-Length", "0"],
        ]),
      );
    });
    const source = new FeedSource();
    await rejection(upload(server.origin, source));
    expect(source.destroyed).toBe(true);
  });

  test("for ever gives up", async () => {
    const server = await redirecting("/again");
    const error = await rejection(upload(`${server.origin}/a`, content));
    expect(error).toMatchObject({ code: "REFUSED", message: expect.stringContaining("redirects more than 5 times") });
    expect(server.uploads).toHaveLength(6);
  });

  test.each(["ftp://host/", "http://user:password@127.0.0.1/", "http://", "file:///etc/passwd", "http://[bad"])(
    "to %s is refused",
    async (location) => {
      const server = await redirecting(location);
      const error = await rejection(upload(server.origin, content));
      expect(error).toMatchObject({
        code: "REFUSED",
        status: 307,
        message: expect.stringContaining("cannot be followed"),
      });
    },
  );

  test("to nowhere is refused with its status", async () => {
    const server = await receiver((response) => response.writeHead(307).end());
    expect(await rejection(upload(server.origin, content))).toMatchObject({ code: "REFUSED", status: 307 });
  });
});
