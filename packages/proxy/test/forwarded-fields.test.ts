import { FieldLines } from "@trailsum/shared";
import { echoServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { askEcho, FRONTS, lines, proxyServer } from "./peers.ts";
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

describe("rules 15 to 17: an origin learns about the client", () => {
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

  test("by both, after what a trusted proxy said in each", () => {
    const fields = FieldLines.fromRaw(forwardedFields(client, "both", claimed));
    expect(fields.get("Forwarded")).toBe('for=9.9.9.9, for=10.0.0.7;host="asked.example:81";proto=https');
    expect(fields.get("X-Forwarded-For")).toBe("9.9.9.9, 8.8.8.8, 7.7.7.7, 10.0.0.7");
  });
});

/** What proxies, content delivery networks and load balancers write of their clients, and servers believe. */
const CLAIMS = `Forwarded Forwarded-For X-Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port
  X-Forwarded-Prefix X-Forwarded-Server X-Forwarded-Ssl X-Forwarded-Scheme X-Forwarded-By X-Forwarded-User
  X-Forwarded-Client-Cert X-Forwarded-Anything-To-Come X-Original-Forwarded-For X-Original-Host X-Original-URL X-Rewrite-URL
  X-Real-IP X-Client-IP X-Cluster-Client-IP X-Originating-IP X-Remote-IP X-Remote-Addr Client-IP True-Client-IP
  CF-Connecting-IP CF-Connecting-IPv6 CF-Visitor Fastly-Client-IP Fly-Client-IP Fly-Forwarded-Proto X-Azure-ClientIP
  X-Appengine-User-IP X-Envoy-External-Address WL-Proxy-Client-IP X-ProxyUser-Ip Front-End-Https X-Url-Scheme
  Client-Cert Client-Cert-Chain SSL-Client-Verify X-SSL-Client-S-DN`.split(/\s+/);

/** What this proxy writes itself, by default. */
const REMADE = new Set(["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"]);
const FORGED = "192.0.2.47";

describe("rule 10: the Host that an origin sees", () => {
  test.each([
    ["is its own", {}, "origin"],
    ["is the one asked for, with `hostHeader`", { hostHeader: "inbound" as const }, "asked.example"],
    ["is the one asked for, with the earlier name of that option", { host: "inbound" as const }, "asked.example"],
    ["is its own where the two names differ", { hostHeader: "target" as const, host: "inbound" as const }, "origin"],
  ])("%s", async (_which, options, expected) => {
    const origin = await echoServer();
    const { port } = await proxyServer({ target: origin.origin, ...options });
    const { headers } = await askEcho(port, "GET / HTTP/1.1\r\nHost: asked.example\r\n\r\n");
    expect(headers["host"]).toBe(expected === "origin" ? new URL(origin.origin).host : expected);
  });
});

describe.each(FRONTS)("rule 15: through a proxy %s", (_name, front) => {
  const received = async (names: readonly string[], trustForwarded: boolean): Promise<string[]> => {
    const origin = await echoServer();
    const { port } = await front({ target: origin.origin, trustForwarded });
    const fields = names.map((name) => `${name}: ${FORGED}\r\n`).join("");
    const { rawHeaders } = await askEcho(port, `GET / HTTP/1.1\r\nHost: asked.example\r\nX-Other: 1\r\n${fields}\r\n`);
    return lines(rawHeaders).filter((line) => !/^(?:host|connection|via):/i.test(line));
  };

  test.each([
    ["as they are", (name: string) => name],
    ["in lower case", (name: string) => name.toLowerCase()],
    ["with _ for -", (name: string) => name.replaceAll("-", "_")],
    ["with . for -, as some servers of CGI take for the same", (name: string) => name.replaceAll("-", ".")],
    ["with _ for the first -, in upper case", (name: string) => name.replace("-", "_").toUpperCase()],
  ])("no field in which an untrusted client describes itself is forwarded, %s", async (_how, spelled) => {
    expect(await received(CLAIMS.map(spelled), false)).toEqual([
      "X-Other: 1",
      "X-Forwarded-For: 127.0.0.1",
      "X-Forwarded-Host: asked.example",
      "X-Forwarded-Proto: http",
    ]);
  });

  test("those of a trusted proxy go on, but none that is spelled with _", async () => {
    const others = CLAIMS.filter((name) => !REMADE.has(name) && name !== "Forwarded");
    const spoofed = CLAIMS.filter((name) => name.includes("-")).map((name) => name.replaceAll("-", "_"));
    expect(await received([...others, ...spoofed], true)).toEqual([
      "X-Other: 1",
      ...others.map((name) => `${name}: ${FORGED}`),
      "X-Forwarded-For: 127.0.0.1",
      "X-Forwarded-Host: asked.example",
      "X-Forwarded-Proto: http",
    ]);
  });

  test("fields of one hop and of framing do not go on when they are spelled with _ either", async () => {
    const names = ["Transfer_Encoding", "Content_Length", "Proxy_Authorization", "Keep_Alive", "Proxy_Connection"];
    expect((await received([...names, "X_Other"], false)).slice(0, 2)).toEqual(["X-Other: 1", `X_Other: ${FORGED}`]);
  });
});
