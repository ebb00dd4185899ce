import { FieldLines } from "@trailsum/shared";
import { describe, expect, test } from "vitest";

import { clientAddress, type TrustForwarded } from "../src/access/client-address.ts";
import { serve } from "./uploads/serving.ts";

const peer = "10.0.0.1";
const near: TrustForwarded = (address) => address.startsWith("10.");

describe("the address of the client", () => {
  test.each<[string, TrustForwarded, [string, string][], string]>([
    ["is that of the peer without trust", false, [["X-Forwarded-For", "192.0.2.1"]], peer],
    ["is that of the peer where nothing says otherwise", true, [], peer],
    ["is what the peer appended", true, [["X-Forwarded-For", "198.51.100.9, 192.0.2.1"]], "192.0.2.1"],
    ["is followed past trusted hops", near, [["X-Forwarded-For", "203.0.113.5, 192.0.2.1, 10.0.0.2"]], "192.0.2.1"],
    [
      "is read over several lines",
      near,
      [
        ["X-Forwarded-For", "192.0.2.1"],
        ["X-Forwarded-For", "10.0.0.2"],
      ],
      "192.0.2.1",
    ],
    [
      "is that of a peer that is not trusted",
      (address) => address === "10.9.9.9",
      [["X-Forwarded-For", "192.0.2.1"]],
      peer,
    ],
    ["comes from Forwarded", true, [["Forwarded", 'for="[2001:db8::1]:4711";proto=https']], "2001:db8::1"],
    [
      "is not taken from another parameter",
      true,
      [["Forwarded", 'host="a;for=192.0.2.66,for=192.0.2.67";for=192.0.2.1']],
      "192.0.2.1",
    ],
    ["is not taken from what is malformed", true, [["Forwarded", 'for="192.0.2.1']], peer],
    ["is that of the peer where it is hidden", true, [["Forwarded", "for=192.0.2.9, for=_hidden"]], peer],
    [
      "is the same in both fields",
      true,
      [
        ["X-Forwarded-For", "192.0.2.1"],
        ["Forwarded", "for=192.0.2.1"],
      ],
      "192.0.2.1",
    ],
    [
      "is that of the peer where the fields differ",
      true,
      [
        ["X-Forwarded-For", "192.0.2.1"],
        ["Forwarded", "for=192.0.2.2"],
      ],
      peer,
    ],
    ["has no port", true, [["X-Forwarded-For", "192.0.2.1:5000"]], "192.0.2.1"],
  ])("%s", (_what, trust, fields, expected) => {
    expect(clientAddress({ header: FieldLines.from(fields), remoteAddress: peer }, trust)).toBe(expected);
  });
});

test.each([
  [true, "192.0.2.1"],
  [false, undefined],
  [() => true, undefined],
])("a peer at a Unix domain socket has no address: with trust %o the client is %s", (trust, expected) => {
  const header = FieldLines.from([["X-Forwarded-For", "192.0.2.1"]]);
  expect(clientAddress({ header, remoteAddress: undefined }, trust)).toBe(expected);
});

test("clients of one trusted proxy have bounds of their own, and see theirs in authorize", async () => {
  const seen = new Set<string | undefined>();
  const { send } = await serve("our server", {
    maxUploads: 4,
    trustForwarded: true,
    authorize: ({ clientAddress: client }) => seen.add(client) !== undefined,
  });
  const create = async (client: string): Promise<number> =>
    (await send("PUT /a", ["Upload-Complete: ?0", `X-Forwarded-For: ${client}`])).status;
  expect([await create("192.0.2.1"), await create("192.0.2.1"), await create("192.0.2.2")]).toEqual([201, 429, 201]);
  expect([...seen]).toEqual(["192.0.2.1", "192.0.2.2"]);
});
