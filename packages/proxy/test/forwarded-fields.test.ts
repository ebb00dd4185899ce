import { FieldLines } from "@trailsum/shared";
import { describe, expect, test } from "vitest";

import { type ClientIdentity, withForwardedFields } from "../src/request/forwarded-fields.ts";

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

describe("rules 15 to 17: an origin is told of the client", () => {
  test("by X-Forwarded-For, -Host and -Proto, and not by what the client claims", () => {
    expect([...withForwardedFields(claimed, client, { style: "x-forwarded", trusted: false })]).toEqual([
      ["A", "b"],
      ["X-Forwarded-Port", "1"],
      ["X-Forwarded-For", "10.0.0.7"],
      ["X-Forwarded-Host", "asked.example:81"],
      ["X-Forwarded-Proto", "https"],
    ]);
  });

  test("with what a trusted proxy in front says before its own address, in one line", () => {
    expect([...withForwardedFields(claimed, client, { style: "x-forwarded", trusted: true })]).toEqual([
      ["A", "b"],
      ["X-Forwarded-Port", "1"],
      ["X-Forwarded-For", "9.9.9.9, 8.8.8.8, 7.7.7.7, 10.0.0.7"],
      ["X-Forwarded-Host", "first.example"],
      ["X-Forwarded-Proto", "http"],
    ]);
  });

  test.each([false, true])("by nothing where nothing is wanted, a trusted proxy in front (%j) or not", (trusted) => {
    expect([...withForwardedFields(claimed, client, { style: "none", trusted })]).toEqual([
      ["A", "b"],
      ["X-Forwarded-Port", "1"],
    ]);
  });

  test("by no chain that would name the wrong one, where the address is not known", () => {
    const unknown = { ...client, address: undefined };
    const fields = withForwardedFields(claimed, unknown, { style: "x-forwarded", trusted: true });
    expect(fields.has("X-Forwarded-For")).toBe(false);
  });

  test.each([
    [client, 'for=10.0.0.7;host="asked.example:81";proto=https'],
    [{ ...client, address: "2001:db8::1", host: undefined }, 'for="[2001:db8::1]";proto=https'],
    [{ ...client, address: undefined, protocol: "http" as const }, 'for=unknown;host="asked.example:81";proto=http'],
    [{ ...client, host: 'a";for=1.1.1.1;x="\\' }, 'for=10.0.0.7;host="a;for=1.1.1.1;x=";proto=https'],
  ])("by Forwarded, for %j", (identity, expected) => {
    const fields = withForwardedFields(FieldLines.empty, identity, { style: "forwarded", trusted: false });
    expect([...fields]).toEqual([["Forwarded", expected]]);
  });

  test("by both, behind what a trusted proxy said in each", () => {
    const fields = withForwardedFields(claimed, client, { style: "both", trusted: true });
    expect(fields.get("Forwarded")).toBe('for=9.9.9.9, for=10.0.0.7;host="asked.example:81";proto=https');
    expect(fields.get("X-Forwarded-For")).toBe("9.9.9.9, 8.8.8.8, 7.7.7.7, 10.0.0.7");
  });
});
