import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";

import { certificate, FeedSource, rawServer, tempDir } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { TrailerAgent, upload } from "../../src/index.ts";
import { httpServer, receiver, type Receiver, rejection, wireResponse } from "./peers.ts";

const content = Buffer.from("content");
const secrets = { Authorization: "Bearer secret", Cookie: "a=b", "Proxy-Authorization": "Basic x", "X-Kept": "yes" };

const md5 = (bytes: Buffer, encoding: "base64" | "hex"): string => createHash("md5").update(bytes).digest(encoding);

/** A receipt that says that these bytes were stored under another name than they were sent to. */
function receiptOf(bytes: Buffer): string {
  const digests = { md5: md5(bytes, "hex") };
  return JSON.stringify({ path: "made/1", size: bytes.length, digests, verdict: "verified", verifiedBy: ["md5"] });
}

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

  test("to another origin is sent without credentials", async () => {
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
    ["a stream", () => Readable.from([content, Buffer.alloc(70_000)])],
    ["an iterable", () => [content, Buffer.alloc(70_000)]],
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
    await rejection(upload(server.origin, source, { delivery: "trailers" }));
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

  test("to two places is refused, and to one that is named twice is followed", async () => {
    const server = await receiver((response, { path }) => {
      if (path === "/done") response.writeHead(201).end();
      else
        response
          .writeHead(
            307,
            [
              ["Location", "/done"],
              ["Location", path === "/two" ? "/other" : "/done"],
            ].flat(),
          )
          .end();
    });
    expect(await rejection(upload(`${server.origin}/two`, content))).toMatchObject({ code: "REFUSED", status: 307 });
    expect(await upload(`${server.origin}/twice`, content)).toMatchObject({ status: 201 });
    expect(server.uploads.map(({ path }) => path)).toEqual(["/two", "/twice", "/done"]);
  });

  test("to nowhere is refused with its status", async () => {
    const server = await receiver((response) => response.writeHead(307).end());
    expect(await rejection(upload(server.origin, content))).toMatchObject({ code: "REFUSED", status: 307 });
  });

  test.each([301, 302])(
    "by %i has a PUT sent again, and a POST refused, since it would become a GET",
    async (status) => {
      const other = await receiver();
      const server = await redirecting(`${other.origin}/b`, status);
      expect(await upload(server.origin, content)).toMatchObject({ url: `${other.origin}/b`, status: 201 });
      expect(other.uploads).toMatchObject([{ method: "PUT", content }]);
      const error = await rejection(upload(server.origin, content, { method: "POST" }));
      expect(error).toMatchObject({ code: "REFUSED", status });
      expect(error.message).toContain(`redirects to ${other.origin}/b: upload there`);
      expect(other.uploads).toHaveLength(1);
    },
  );

  test("to another origin and back is sent without credentials and the caller's Host", async () => {
    let home = "";
    const other = await receiver((response) => response.writeHead(307, { Location: `${home}/back` }).end());
    const server = await receiver((response, { path }) => {
      if (path === "/a") response.writeHead(307, { Location: `${other.origin}/b` }).end();
      else response.writeHead(201).end();
    });
    home = server.origin;
    await upload(`${home}/a`, content, { headers: { ...secrets, Host: "internal.example" } });
    const [first, back] = server.uploads;
    expect(first!.header.get("Host")).toBe("internal.example");
    for (const { header } of [other.uploads[0]!, back!]) {
      for (const name of ["Authorization", "Cookie", "Proxy-Authorization"]) expect(header.has(name)).toBe(false);
      expect(header.get("X-Kept")).toBe("yes");
    }
    expect(other.uploads[0]!.header.get("Host")).toBe(`127.0.0.1:${other.port}`);
    expect(back!.header.get("Host")).toBe(`127.0.0.1:${server.port}`);
  });

  test("from https to http is refused, and sends nothing", async () => {
    const { key, cert } = await certificate();
    const other = await receiver();
    const server = await rawServer(
      async (connection) => {
        await connection.readHead();
        await connection.write(
          wireResponse("307 Temporary Redirect", [
            ["Location", other.origin],
            ["Content-Length", "0"],
          ]),
        );
      },
      { tls: { key, cert } },
    );
    const dispatcher = new TrailerAgent({ connect: { rejectUnauthorized: false } });
    onTestFinished(() => dispatcher.destroy());
    const error = await rejection(upload(server.origin, content, { dispatcher }));
    expect(error).toMatchObject({ code: "REFUSED", message: expect.stringContaining("from https to http") });
    expect(other.uploads).toEqual([]);
  });

  test.each([
    ["UTF-8", "/caf\u00c3\u00a9", "/caf%C3%A9"],
    ["latin1", "/caf\u00e9", "/caf%C3%A9"],
    ["percent-encoding", "/caf%C3%A9", "/caf%C3%A9"],
  ])("to a path in %s goes where browsers go", async (_coding, location, path) => {
    const server = await receiver((response, sent) => {
      if (sent.path === "/a") response.writeHead(307, { Location: location }).end();
      else response.writeHead(201).end();
    });
    await upload(`${server.origin}/a`, content);
    expect(server.uploads[1]!.path).toBe(path);
  });
});

describe("an upload that is answered 303", () => {
  test("was accepted: the answer elsewhere, to a GET, is its result", async () => {
    const asked: (readonly [method: string | undefined, headers: IncomingHttpHeaders])[] = [];
    const server = await httpServer((request, response) => {
      asked.push([request.method, request.headers]);
      request.resume().on("end", () => {
        if (request.url === "/a") response.writeHead(303, { Location: "/done" }).end();
        else response.writeHead(200, { "X-Answer": "here", "Repr-Digest": "sha-256=:AAAA:" }).end("stored");
      });
    });
    const headers = { ...secrets, "Content-Type": "text/plain", "If-None-Match": "*" };
    const result = await upload(`${server.origin}/a`, content, { method: "POST", headers });
    expect(result).toMatchObject({
      url: `${server.origin}/a`,
      status: 200,
      confirmedBy: "none",
      digests: { size: 7 },
    });
    expect(result.headers.get("X-Answer")).toBe("here");
    expect(asked.map(([method]) => method)).toEqual(["POST", "GET"]);
    expect(asked[1]![1]).toMatchObject({ authorization: "Bearer secret" });
    for (const name of ["content-type", "if-none-match", "trailer"]) expect(asked[1]![1]).not.toHaveProperty(name);
  });

  test.each([
    ["a page with a digest of its own", { "Repr-Digest": "md5=:AAAAAAAAAAAAAAAAAAAAAA==:" }, "", "none"],
    ["the stored object, with its digest", { "Repr-Digest": `md5=:${md5(content, "base64")}:` }, "", "server"],
    ["a receipt for another path", { "Content-Type": "application/json" }, receiptOf(content), "server"],
  ])("to %s is confirmed by %o", async (_where, headers, body, confirmedBy) => {
    const server = await httpServer((request, response) => {
      request.resume().on("end", () => {
        if (request.method === "PUT") response.writeHead(303, { Location: "/done" }).end();
        else response.writeHead(200, headers).end(body);
      });
    });
    const seeOther = `${server.origin}/done`;
    expect(await upload(`${server.origin}/a`, content)).toMatchObject({ confirmedBy, seeOther, status: 200 });
  });

  test("to a receipt of other content is a mismatch", async () => {
    const server = await httpServer((request, response) => {
      request.resume().on("end", () => {
        if (request.method === "PUT") response.writeHead(303, { Location: "/done" }).end();
        else response.writeHead(200, { "Content-Type": "application/json" }).end(receiptOf(Buffer.from("CONTENT")));
      });
    });
    expect(await rejection(upload(`${server.origin}/a`, content))).toMatchObject({ code: "DIGEST_MISMATCHED" });
  });

  test("from another origin is asked there without credentials", async () => {
    const asked: IncomingHttpHeaders[] = [];
    const other = await httpServer((request, response) => {
      asked.push(request.headers);
      response.end("stored");
    });
    const server = await redirecting(`${other.origin}/done`, 303);
    expect((await upload(server.origin, content, { headers: secrets })).status).toBe(200);
    expect(asked[0]).not.toHaveProperty("authorization");
  });

  test("is refused when the answer elsewhere is a refusal", async () => {
    const server = await receiver((response, _upload, index) =>
      index === 0 ? response.writeHead(303, { Location: "/done" }).end() : response.writeHead(409).end(),
    );
    expect(await rejection(upload(server.origin, content))).toMatchObject({ code: "REFUSED", status: 409 });
  });

  test("before all of it was sent was not accepted", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(
        wireResponse("303 See Other", [
          ["Location", "/login"],
          ["Content-Length", "0"],
        ]),
      );
    });
    const error = await rejection(upload(server.origin, Buffer.alloc(20_000_000)));
    expect(error).toMatchObject({ code: "REFUSED", status: 303 });
    expect(error.message).toContain("upload there");
    expect(server.connections).toHaveLength(1);
  });
});
