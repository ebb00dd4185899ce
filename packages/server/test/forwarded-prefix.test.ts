import { createHash } from "node:crypto";

import { FieldLines } from "@trailsum/shared";
import { describe, expect, test } from "vitest";

import type { TrustForwarded } from "../src/access/client-address.ts";
import { forwardedPrefix } from "../src/access/forwarded-prefix.ts";
import { serve, servers } from "./uploads/serving.ts";

const peer = "10.0.0.1";

describe("the prefix that a proxy has cut off", () => {
  test.each<[string, TrustForwarded | undefined, string[], string]>([
    ["is empty without trust", undefined, ["/files"], ""],
    ["is empty without the field", true, [], ""],
    ["is what the field states", true, ["/files/v1"], "/files/v1"],
    ["has no slash at its end", true, ["/files/"], "/files"],
    ["is empty for the root", true, ["/"], ""],
    ["is believed of a trusted address", (address) => address === peer, ["/files"], "/files"],
    ["is not believed of another one", (address) => address !== peer, ["/files"], ""],
    ["is not taken from a list", true, ["/evil, /files"], ""],
    ["is not taken from two lines", true, ["/evil", "/files"], ""],
    ["never names another host", true, ["//evil.example"], ""],
    ["never is a whole URL", true, ["https://evil.example/files"], ""],
    ["has no query", true, ["/files?a"], ""],
    ["has no backslash", true, ["/\\evil.example"], ""],
  ])("%s", (_how, trust, values, expected) => {
    const header = FieldLines.from(values.map((value) => ["X-Forwarded-Prefix", value] as const));
    expect(forwardedPrefix({ header, remoteAddress: peer }, trust)).toBe(expected);
  });
});

test.each(servers)(
  "an upload behind a proxy that cuts off a prefix is completed at its Location, on %s",
  async (kind) => {
    const { send } = await serve(kind, { trustForwarded: true });
    const draft = ["Upload-Draft-Interop-Version: 8", "X-Forwarded-Prefix: /files"];
    const staged = await send("PUT /it", [...draft, "Upload-Complete: ?0"], "content");
    const location = staged.field("Location")!;
    expect(location).toMatch(/^\/files\/\.trailsum\/uploads\/[0-9a-f]{32}$/);
    expect(staged.interim.map((answer) => answer.field("Location"))).toEqual([location]);
    const digest = `Repr-Digest: sha-256=:${createHash("sha256").update("content").digest("base64")}:`;
    const completion = ["Upload-Offset: 7", "Upload-Complete: ?1", "Content-Type: application/partial-upload", digest];
    const published = await send(`PATCH ${location.slice("/files".length)}`, [...draft, ...completion]);
    expect(published.status).toBe(201);
  },
);

test("the creation of a tus upload names the prefix, too, unless the peer is not trusted", async () => {
  const tus = ["Tus-Resumable: 1.0.0", "Upload-Length: 7", "X-Forwarded-Prefix: /files"];
  const trusting = await serve("our server", { trustForwarded: true });
  expect((await trusting.send("POST /it", tus)).field("Location")).toMatch(/^\/files\/\.trailsum\//);
  const { send } = await serve();
  expect((await send("POST /it", tus)).field("Location")).toMatch(/^\/\.trailsum\//);
});
