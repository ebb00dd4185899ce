import { FieldLines } from "@trailsum/shared";
import { describe, expect, test } from "vitest";

import { type ClientIdentity, forwardedFields } from "../src/request/forwarded-fields.ts";

const client: ClientIdentity = { address: "10.0.0.7", host: "asked.example:81", protocol: "https" };
const claimed = FieldLines.from([
  ["Forwarded", "for=9.9.9.9"],
  ["A", "b"],
  ["x-forwarded-for", "9.9.9.9"],
  ["X-Forwarded-For", "8.8.8.8, 7.7.7.7"],
  ["X-Forwarded-Host", "first.example"],
  ["X-Forwarded-Proto", "http"],
  ["X-Forwarded-Port", "1"],
]);

const pairs = (raw: readonly string[]): unknown[] => [...FieldLines.fromRaw(raw)];

describe("rules 15 to 17: an origin is told of the client", () => {
  test("by X-Forwarded-For, -Host and -Proto, and not by what the client claims", () => {
    expect(pairs(forwardedFields(client, "x-forwarded"))).toEqual([
      ["X-Forwarded-For", "10.0.0.7"],
      ["X-Forwarded-Host", "asked.example:81"],
      ["X-Forwarded-Proto", "https"],
    ]);
  });

  test("with what a trusted proxy in front says before its own address, in one line", () => {
    expect(pairs(forwardedFields(client, "x-forwarded", claimed))).toEqual([
      ["X-Forwarded-For", "9.9.9.9, 8.8.8.8, 7.7.7.7, 10.0.0.7"],
      ["X-Forwarded-Host", "first.example"],
      ["X-Forwarded-Proto", "http"],
    ]);
  });

  test.each([undefined, claimed])("by nothing where nothing is wanted, a trusted proxy in front or not", (trusted) => {
    expect(forwardedFields(client, "none", trusted)).toEqual([]);
  });

  test("by no chain that would name the wrong one, where the address is not known", () => {
    const unknown = { ...client, address: undefined };
    expect(forwardedFields(unknown, "x-forwarded", claimed)).not.toContain("X-Forwarded-For");
  });

  test.each([
    [client, 'for=10.0.0.7;host="asked.example:81";proto=https'],
    [{ ...client, address: "2001:db8::1", host: undefined }, 'for="[2001:db8::1]";proto=https'],
    [{ ...client, address: undefined, protocol: "http" as const }, 'for=unknown;host="asked.example:81";proto=http'],
    [{ ...client, host: 'a";for=1.1.1.1;x="\\' }, 'for=10.0.0.7;host="a;for=1.1.1.1;x=";proto=https'],
  ])("by Forwarded, for %j", (identity, expected) => {
    expect(forwardedFields(identity, "forwarded")).toEqual(["Forwarded", expected]);
  });

  test("by both, behind what a trusted proxy said in each", () => {
    const fields = FieldLines.fromRaw(forwardedFields(client, "both", claimed));
    expect(fields.get("Forwarded")).toBe('for=9.9.9.9, for=10.0.0.7;host="asked.example:81";proto=https');
    expect(fields.get("X-Forwarded-For")).toBe("9.9.9.9, 8.8.8.8, 7.7.7.7, 10.0.0.7");
  });
});
