import { describe, expect, test } from "vitest";

import { protocols } from "./http2-peer.ts";
import { base64, chunked, content, etag, md5, other, readObject, request, upload } from "./peer.ts";

const right = {
  Md5: md5(content),
  "Content-Digest": `sha-256=:${base64("sha256", content)}:`,
  "Repr-Digest": `sha-512=:${base64("sha512", content)}:`,
  "Content-MD5": base64("md5", content),
};
const wrong = {
  Md5: md5(other),
  "Content-Digest": `sha-256=:${base64("sha256", other)}:`,
  "Repr-Digest": `sha-512=:${base64("sha512", other)}:`,
  "Content-MD5": base64("md5", other),
};
const garbled = {
  Md5: "xyz",
  "Content-Digest": "sha-256=:AAAA:",
  "Repr-Digest": "sha-512=nonsense",
  "Content-MD5": "AA",
};
const fields = ["Md5", "Content-Digest", "Repr-Digest", "Content-MD5"] as const;

/** The ways in which fields can come along with the content. */
const ways = {
  "header, content of known length": (lines: string[]) =>
    request("PUT /it", [`Content-Length: ${content.length}`, ...lines], content),
  "header, content in chunks": (lines: string[]) =>
    request("PUT /it", ["Transfer-Encoding: chunked", ...lines], chunked([content])),
  "trailer, announced": (lines: string[]) =>
    request(
      "PUT /it",
      ["Transfer-Encoding: chunked", `Trailer: ${lines.map((line) => line.split(":")[0]).join(", ")}`],
      chunked([content.subarray(0, 8), content.subarray(8)], lines),
    ),
  "trailer, not announced": (lines: string[]) =>
    request("PUT /it", ["Transfer-Encoding: chunked"], chunked([content], lines)),
};

describe.each(protocols)("%s", (_protocol, { handle, exchange }) => {
  describe.each(Object.entries(ways))("fields in the %s", (_way, send) => {
    test.each(fields)("%s that holds: 201, and it is stored", async (field) => {
      const { port, store } = await handle();
      const answer = await exchange(port, send([`${field}: ${right[field]}`]));
      expect(answer.status).toBe(201);
      expect(answer.json).toMatchObject({ verdict: "verified", verifiedBy: [field], size: content.length });
      expect(await readObject(store, "it")).toEqual(content);
    });

    test.each(fields)("%s that does not hold: 400, and nothing is stored", async (field) => {
      const { port, store } = await handle();
      const answer = await exchange(port, send([`${field}: ${wrong[field]}`]));
      expect(answer.status).toBe(400);
      expect(answer.field("Content-Type")).toBe("application/problem+json");
      expect(answer.field("Want-Repr-Digest")).toContain("sha-256=");
      expect(answer.json).toMatchObject({
        type: "https://iana.org/assignments/http-problem-types#digest-mismatched-values",
        verdict: "mismatched",
      });
      const reported = answer.message.body.toString();
      for (const computed of [right.Md5, right["Content-MD5"], base64("sha256", content), base64("sha512", content)]) {
        expect(reported).not.toContain(computed);
      }
      expect(await store.open("it")).toBeUndefined();
    });

    test.each(fields)("%s that cannot be understood: 400, and nothing is stored", async (field) => {
      const { port, store } = await handle();
      const answer = await exchange(port, send([`${field}: ${garbled[field]}`]));
      expect(answer.status).toBe(400);
      expect(answer.json).toMatchObject({
        type: "https://iana.org/assignments/http-problem-types#digest-invalid-values",
        verdict: "malformed",
      });
      expect(await store.open("it")).toBeUndefined();
    });

    test("a wrong Size among right digests: 400, and nothing is stored", async () => {
      const { port, store } = await handle();
      const answer = await exchange(port, send([`Md5: ${right.Md5}`, "Size: 3"]));
      expect(answer.json).toMatchObject({ type: "urn:trailsum:problem:size-mismatched", verdict: "mismatched" });
      expect(await store.open("it")).toBeUndefined();
    });

    test("one wrong digest among right ones: 400, and nothing is stored", async () => {
      const { port, store } = await handle();
      const answer = await exchange(port, send([`Md5: ${right.Md5}`, `Content-Digest: ${wrong["Content-Digest"]}`]));
      expect(answer.json).toMatchObject({ verdict: "mismatched" });
      expect(await store.open("it")).toBeUndefined();
    });

    test("two different Md5: 400, and nothing is stored", async () => {
      const { port, store } = await handle();
      const answer = await exchange(port, send([`Md5: ${wrong.Md5}`, `Md5: ${right.Md5}`]));
      expect(answer.json).toMatchObject({ verdict: "malformed" });
      expect(await store.open("it")).toBeUndefined();
    });

    test("Size alone: 400, since other bytes could be as many", async () => {
      const { port, store } = await handle();
      const answer = await exchange(port, send([`Size: ${content.length}`]));
      expect(answer.json).toMatchObject({ type: "urn:trailsum:problem:digest-required", verdict: "unverified" });
      expect(await store.open("it")).toBeUndefined();
    });

    test("a digest that cannot be checked: 400, and which it was", async () => {
      const { port } = await handle();
      const answer = await exchange(port, send(["Content-Digest: whirlpool=:AAAA:"]));
      expect(answer.json).toMatchObject({
        type: "https://iana.org/assignments/http-problem-types#digest-unsupported-algorithms",
        unsupported_algorithms: [{ algorithm: "whirlpool", header: "Content-Digest" }],
      });
    });

    test("an algorithm that this server does not compute: 400", async () => {
      const { port } = await handle({ algorithms: ["sha-512"] });
      const answer = await exchange(port, send([`Content-Digest: ${right["Content-Digest"]}`]));
      expect(answer.json).toMatchObject({ unsupported_algorithms: [{ algorithm: "sha-256" }] });
      expect(answer.field("Want-Repr-Digest")).toBe("sha-512=9");
    });

    test("a required field that is there: 201", async () => {
      const { port } = await handle({ require: ["Md5", "Size"] });
      expect((await exchange(port, send([`Md5: ${right.Md5}`, `Size: ${content.length}`]))).status).toBe(201);
    });

    test("a required field that is not there, though another verified: 400", async () => {
      const { port, store } = await handle({ require: ["Md5", "Size"], allowUnverified: true });
      const answer = await exchange(port, send([`Md5: ${right.Md5}`]));
      expect(answer.json).toMatchObject({
        type: "urn:trailsum:problem:digest-missing",
        verdict: "missing",
        missing_fields: ["Size"],
      });
      expect(await store.open("it")).toBeUndefined();
    });
  });

  describe("trailers that were announced and never came", () => {
    const eaten = request("PUT /it", ["Transfer-Encoding: chunked", "Trailer: Md5, Size"], chunked([content]));

    test.each([{ allowUnverified: false }, { allowUnverified: true }])("with %o: 400, and which", async (policy) => {
      const { port, store } = await handle(policy);
      const answer = await exchange(port, eaten);
      expect(answer.status).toBe(400);
      expect(answer.json).toMatchObject({ verdict: "missing", missing_fields: ["Md5", "Size"] });
      expect(await store.open("it")).toBeUndefined();
    });
  });

  describe("a bare upload", () => {
    const bare = {
      "of known length": request("PUT /it", [`Content-Length: ${content.length}`], content),
      "in chunks": request("PUT /it", ["Transfer-Encoding: chunked"], chunked([content])),
      "without content": request("PUT /it", ["Content-Length: 0"]),
      "without any framing": request("PUT /it"),
    };

    test.each(Object.entries(bare))("%s: 400, and nothing is stored", async (_how, bytes) => {
      const { port, store } = await handle();
      const answer = await exchange(port, bytes);
      expect(answer.status).toBe(400);
      expect(answer.json).toMatchObject({ type: "urn:trailsum:problem:digest-required", verdict: "unverified" });
      expect(answer.field("Want-Repr-Digest")).toBe(
        "sha-256=10, sha-512=9, crc64nvme=4, crc32c=3, crc32=2, md5=1, sha=1",
      );
      expect(await store.open("it")).toBeUndefined();
    });

    test.each(Object.entries(bare))("%s, where that is allowed: 201, and marked as such", async (_how, bytes) => {
      const { port, store } = await handle({ allowUnverified: true });
      const answer = await exchange(port, bytes);
      expect(answer.status).toBe(201);
      const stored = await readObject(store, "it");
      expect(answer.json).toMatchObject({
        verdict: "unverified",
        verifiedBy: [],
        digests: { "sha-256": etag(stored!).slice(1, -1) },
      });
    });
  });

  test("trailers are never merged into the header: a trailer cannot change how the request is read", async () => {
    const { port, store } = await handle();
    const body = chunked([content], [`Md5: ${md5(content)}`, "Content-Range: bytes 0-1/2", "Host: elsewhere"]);
    expect((await exchange(port, request("PUT /it", ["Transfer-Encoding: chunked"], body))).status).toBe(201);
    expect(await readObject(store, "it")).toEqual(content);
  });

  test("an empty upload with its digest is stored", async () => {
    const { port, store } = await handle();
    const empty = Buffer.alloc(0);
    const body = chunked([], [`Md5: ${md5(empty)}`, "Size: 0"]);
    const fields2 = ["Transfer-Encoding: chunked", "Trailer: Md5, Size"];
    expect((await exchange(port, request("PUT /it", fields2, body))).status).toBe(201);
    expect(await readObject(store, "it")).toEqual(empty);
  });

  test("the receipt says what was stored, and Repr-Digest is that of the receipt, as wanted", async () => {
    const { port } = await handle();
    const fields3 = ["Transfer-Encoding: chunked", "Trailer: Md5, Content-Digest", "Want-Repr-Digest: sha-256=9"];
    const body = chunked([content], [`Md5: ${right.Md5}`, `Content-Digest: ${right["Content-Digest"]}`]);
    const answer = await exchange(port, request("POST /a/b%20c.txt", fields3, body));
    expect(answer.status).toBe(201);
    expect(answer.field("Content-Type")).toBe("application/json");
    expect(answer.field("Repr-Digest")).toBe(`sha-256=:${base64("sha256", answer.message.body)}:`);
    expect(answer.json).toEqual({
      mode: "trailers",
      path: "a/b c.txt",
      size: content.length,
      digests: { md5: right.Md5, "sha-256": Buffer.from(base64("sha256", content), "base64").toString("hex") },
      verdict: "verified",
      verifiedBy: ["Md5", "Content-Digest"],
      algorithms: ["sha-256", "md5"],
    });
  });

  test.each(["return=minimal", 'respond-async, Return = "minimal"; x', "return=minimal, return=representation"])(
    "Prefer: %s is answered without content, and with the digest of what was stored",
    async (prefer) => {
      const { port } = await handle();
      const answer = await exchange(port, upload("/it", content, [`Prefer: ${prefer}`, "Want-Repr-Digest: sha-256=9"]));
      expect([answer.status, answer.message.body.length]).toEqual([204, 0]);
      expect(answer.field("Preference-Applied")).toBe("return=minimal");
      expect(answer.field("Repr-Digest")).toBe(`sha-256=:${base64("sha256", content)}:`);
      expect(answer.field("ETag")).toBe(etag(content));
    },
  );

  test.each(["return=representation, return=minimal", "respond-async", "minimal"])(
    "Prefer: %s is answered with a receipt",
    async (prefer) => {
      const { port } = await handle();
      const answer = await exchange(port, upload("/it", content, [`Prefer: ${prefer}`]));
      expect([answer.status, answer.json["path"]]).toEqual([201, "it"]);
    },
  );

  test("a second upload replaces the first: 200", async () => {
    const { port, store } = await handle();
    const put = (bytes: Buffer): Buffer =>
      request("PUT /it", ["Transfer-Encoding: chunked"], chunked([bytes], [`Md5: ${md5(bytes)}`]));
    expect((await exchange(port, put(content))).status).toBe(201);
    expect((await exchange(port, put(other))).status).toBe(200);
    expect(await readObject(store, "it")).toEqual(other);
  });
});
