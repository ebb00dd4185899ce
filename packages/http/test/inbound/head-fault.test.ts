import { FieldLines } from "@trailsum/shared";
import { expect, test } from "vitest";

import { headFault } from "../../src/inbound/head-fault.ts";
import type { InboundRequest } from "../../src/inbound/inbound-request.ts";

function request(given: Partial<InboundRequest> & { hosts?: string[] }): InboundRequest {
  const { hosts = [], ...rest } = given;
  return {
    method: "PUT",
    target: { path: "/a", query: undefined, authority: undefined },
    header: FieldLines.from(hosts.map((host) => ["Host", host])),
    host: hosts[0],
    httpVersion: "1.1",
    remoteAddress: undefined,
    protocol: "http",
    content: undefined,
    upgrade: undefined,
    expectsContinue: false,
    message: undefined,
    ...rest,
  };
}

const target = (path: string, authority?: string): Pick<InboundRequest, "target"> => ({
  target: { path, query: undefined, authority },
});
const ofNode = (httpVersion: string): InboundRequest["message"] => ({ httpVersion }) as InboundRequest["message"];

test.each<[what: string, given: Partial<InboundRequest> & { hosts?: string[] }, message: string, status?: number]>([
  ["two Host lines", { hosts: ["a", "a"] }, "the request has more than one Host line: send one"],
  ["a Host with user information", { hosts: ["u@a"] }, '"***@a" is not a valid Host'],
  ["a Host with half an escape", { hosts: ["a%2"] }, '"a%2" is not a valid Host'],
  ["an :authority with a space", { httpVersion: "2.0", host: "a b" }, '"a b" is not a valid Host'],
  [
    "a Host that differs from :authority",
    { httpVersion: "2.0", host: "a", hosts: ["b"] },
    "Host and :authority differ: send :authority alone",
  ],
  ["a target with a fragment", target("/a#b"), "the request's target is invalid"],
  ["a target without a slash", target("a"), "the request's target is invalid"],
  ["an absolute-form target of HTTP/2", { httpVersion: "2.0", ...target("/", "a") }, "the request's target is invalid"],
  ["a method with a space", { method: "A B" }, "the request's method is invalid"],
  ["a request line without a version", { message: ofNode("0.9") }, "the request line names no version: use HTTP/1.1"],
  ["HTTP/1.2", { message: ofNode("1.2") }, "HTTP/1.2 is not supported: use HTTP/1.1", 505],
  [
    "a transfer coding in HTTP/1.0",
    { httpVersion: "1.0", header: FieldLines.from([["Transfer-Encoding", "chunked"]]) },
    "HTTP/1.0 has no Transfer-Encoding: use HTTP/1.1",
  ],
  ["an unknown expectation", { header: FieldLines.from([["Expect", "miracles"]]) }, "unknown expectation", 417],
])("%s is refused", (_what, given, message, status = 400) => {
  const fault = headFault(request(given));
  expect([fault?.message, fault?.status]).toEqual([message, status]);
});

test.each<[what: string, given: Partial<InboundRequest> & { hosts?: string[] }]>([
  ["a request without Host", {}],
  ["the default port in one of Host and :authority", { httpVersion: "2.0", host: "A", hosts: ["a:80"] }],
  ["a Host beside an absolute-form target", { host: "a", hosts: ["b"], ...target("", "a") }],
  ["an address in brackets", { hosts: ["[::1]:8080"] }],
  ["the asterisk", { method: "OPTIONS", ...target("*") }],
  ["the target of a CONNECT", { method: "CONNECT", ...target("a:1") }],
  ["an unknown expectation in HTTP/1.0", { httpVersion: "1.0", header: FieldLines.from([["Expect", "miracles"]]) }],
])("%s is accepted", (_what, given) => {
  expect(headFault(request(given))).toBeUndefined();
});
