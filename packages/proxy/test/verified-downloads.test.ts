import { rawClient, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, FRONTS, type Proxied } from "./peers.ts";
import { BAD, BODY, GOOD, message, type Said, sha256 } from "./verified.ts";
import type { VerificationMode } from "../src/index.ts";

describe.each(FRONTS)("a proxy %s:", (_front, proxyServer) => {
  /** A proxy before an origin that answers every request with this. */
  async function answering(said: Said, verify: VerificationMode, status = "200 OK"): Promise<Proxied> {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 ${status}\r\n${message(said)}`);
      await connection.readToEnd();
    });
    return proxyServer({ target: origin.origin, verify });
  }

  const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

  describe.each(["observe", "enforce"] as const)("verify: %s, of a download", (verify) => {
    test.each(GOOD)("with %s, lets it through and records %s", async (_what, verdict, said) => {
      const { port, records } = await answering(said, verify);
      const got = await ask(port, GET);
      expect(got).toMatchObject({ complete: true, trailerLines: said.trailers ?? [] });
      expect(got.body.toString()).toBe(said.body ?? BODY);
      await expect.poll(() => records.map(({ responseVerdict }) => responseVerdict?.name)).toEqual([verdict]);
      expect(records[0]?.error).toBeUndefined();
    });

    test("of a part of a representation, whose Repr-Digest is of the whole, lets it through", async () => {
      const said = { fields: [`Content-Length: ${BODY.length}`, `Repr-Digest: ${sha256("whole")}`] };
      const { port, records } = await answering(said, verify, "206 Partial Content");
      expect((await ask(port, GET)).body.toString()).toBe(BODY);
      await expect.poll(() => records.map(({ responseVerdict }) => responseVerdict?.name)).toEqual(["unverified"]);
    });

    test.each([
      ["HEAD", "200 OK"],
      ["GET", "304 Not Modified"],
      ["GET", "204 No Content"],
    ])(
      "to %s of %s, which has no content, lets it through with its fields and records nothing",
      async (method, status) => {
        const digest = `Repr-Digest: ${sha256("of what is not here")}`;
        const origin = await rawServer(async (connection) => {
          await connection.readHead();
          await connection.write(`HTTP/1.1 ${status}\r\n${digest}\r\n\r\n`);
          await connection.readToEnd();
        });
        const { port, records } = await proxyServer({ target: origin.origin, verify });
        const got = await ask(port, GET.replace("GET", method));
        expect(got.startLine).toBe(`HTTP/1.1 ${status}`);
        expect(got.fieldLines).toContain(digest);
        await expect
          .poll(() => records.map((record) => [record.responseVerdict, record.error]))
          .toEqual([[undefined, undefined]]);
      },
    );
  });

  describe("verify: enforce, of a download", () => {
    test.each(BAD)("with %s, never shows its end to the client: %s", async (_what, verdict, said) => {
      const { port, records } = await answering(said, "enforce");
      const got = await ask(port, GET);
      expect(got.complete).toBe(false);
      expect(got.trailerLines).toEqual([]);
      await expect.poll(() => records.map(({ responseVerdict }) => responseVerdict?.name)).toEqual([verdict]);
      expect(records[0]?.error).toBeDefined();
    });

    test("with a wrong digest of empty content, never shows even its head", async () => {
      const said = { body: "", fields: ["Content-Length: 0", `Content-Digest: ${sha256("x")}`] };
      const { port, records } = await answering(said, "enforce");
      expect((await ask(port, GET)).startLine).toBe("");
      await expect.poll(() => records.map(({ responseVerdict }) => responseVerdict?.name)).toEqual(["mismatched"]);
    });

    test("to a client of HTTP/1.0, resets where an end would look like success", async () => {
      const { port, records } = await answering({ fields: ["Trailer: Md5"], trailers: ["Md5: xyz"] }, "enforce");
      const client = await rawClient(port);
      await client.write("GET / HTTP/1.0\r\n\r\n");
      await client.readToEnd();
      expect(client.error).toMatchObject({ code: "ECONNRESET" });
      await expect.poll(() => records.length).toBe(1);
    });
  });

  test.each(BAD)("verify: observe, of a download with %s, only records %s", async (_what, verdict, said) => {
    const { port, records } = await answering(said, "observe");
    const got = await ask(port, GET);
    expect(got).toMatchObject({ complete: true, trailerLines: said.trailers ?? [] });
    expect(got.body.toString()).toBe(said.body ?? BODY);
    await expect.poll(() => records.map(({ responseVerdict }) => responseVerdict?.name)).toEqual([verdict]);
    expect(records[0]?.error).toBeUndefined();
  });
});
