import { type CaseInit, type ConformanceCase, exchange } from "../conformance-case.ts";
import type { Expected } from "../expectation.ts";
import { HOST, request, response } from "../message.ts";

type Row = Omit<CaseInit, "id"> & {
  readonly name: string;
  readonly fields?: readonly string[];
  readonly target?: string;
  readonly sees: Expected;
};

function up({ name, fields = [], target = "/", sees, ...rest }: Row): ConformanceCase {
  return exchange({
    ...rest,
    id: `forwarding/${name}`,
    sends: request({ fields, target }),
    originSees: sees,
    originSends: response(),
    clientSees: { status: 200 },
  });
}

const FORGED = "X-Forwarded-For: 192.0.2.47";

/** What the origin learns about the client, and what is not made up. */
export const forwarding: readonly ConformanceCase[] = [
  up({
    name: "for",
    title: "X-Forwarded-For names the client",
    rules: ["rule 16"],
    choice: true,
    sees: { fields: ["X-Forwarded-For: 127.0.0.1"] },
  }),
  up({
    name: "for-forged",
    title: "what a client says of itself in X-Forwarded-For is not believed",
    rules: ["rule 15", "rule 16"],
    choice: true,
    fields: [FORGED, FORGED],
    sees: { fields: ["X-Forwarded-For: 127.0.0.1"], nowhere: ["192.0.2.47"] },
  }),
  up({
    name: "for-named-in-connection",
    title: "Connection cannot take the proxy's own X-Forwarded-For away",
    rules: ["rule 12", "rule 18"],
    choice: true,
    fields: ["Connection: X-Forwarded-For", FORGED],
    sees: { fields: ["X-Forwarded-For: 127.0.0.1"] },
  }),
  up({
    name: "host-and-proto",
    title: "X-Forwarded-Host and -Proto state what was requested",
    rules: ["rule 16"],
    choice: true,
    sees: { fields: [`X-Forwarded-Host: ${HOST}`, "X-Forwarded-Proto: http"] },
  }),
  up({
    name: "host-and-proto-forged",
    title: "what a client says in X-Forwarded-Host and -Proto is not believed",
    rules: ["rule 15"],
    choice: true,
    fields: ["X-Forwarded-Host: forged.example", "X-Forwarded-Proto: https"],
    sees: { fields: [`X-Forwarded-Host: ${HOST}`, "X-Forwarded-Proto: http"] },
  }),
  up({
    name: "forwarded-forged",
    title: "what a client says in Forwarded is not believed",
    rules: ["rule 15", "RFC 7239 section 8.1"],
    choice: true,
    fields: ["Forwarded: for=192.0.2.47;proto=https"],
    sees: { nowhere: ["192.0.2.47"] },
  }),
  up({
    name: "trusted-for",
    title: "a trusted client's chain is continued",
    rules: ["rule 16"],
    setup: "trusting",
    fields: ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"],
    sees: { fields: ["X-Forwarded-For: 192.0.2.1, 192.0.2.2, 127.0.0.1"] },
  }),
  up({
    name: "trusted-forwarded",
    title: "Forwarded is continued with what is known of the client",
    rules: ["RFC 7239 section 4"],
    setup: "trusting",
    fields: ["Forwarded: for=192.0.2.1"],
    sees: { fields: [`Forwarded: for=192.0.2.1, for=127.0.0.1;host="${HOST}";proto=http`] },
  }),
  up({
    name: "host-of-target",
    title: "the origin is asked by its own name",
    rules: ["rule 10"],
    choice: true,
    sees: { lacks: [`Host: ${HOST}`] },
  }),
  up({
    name: "host-of-client",
    title: "the origin is asked by the name that the client asked for, where it shall be",
    rules: ["rule 10"],
    setup: "inbound-host",
    sees: { fields: [`Host: ${HOST}`] },
  }),
  up({
    name: "one-host",
    title: "a request has one Host, even if Connection names it",
    rules: ["rule 10", "RFC 9112 section 3.2"],
    fields: ["Connection: close, Host"],
    sees: { once: ["Host"], lacks: ["Connection: close, Host"] },
  }),
  up({
    name: "absolute-form-host",
    title: "the host of an absolute target goes before Host",
    rules: ["RFC 9112 section 3.2.2"],
    choice: true,
    setup: "inbound-host",
    target: "http://other.example/path",
    sees: { target: "/path", fields: ["Host: other.example", "X-Forwarded-Host: other.example"] },
  }),
  up({
    name: "user-agent-kept",
    title: "User-Agent is handed on",
    rules: ["rule 19"],
    fields: ["User-Agent: test/1.0 (a; b)"],
    sees: { fields: ["User-Agent: test/1.0 (a; b)"] },
  }),
  up({
    name: "user-agent-not-invented",
    title: "no User-Agent is invented",
    rules: ["rule 19"],
    choice: true,
    sees: { lacks: ["User-Agent"] },
  }),
  up({
    name: "accept-encoding-not-invented",
    title: "no Accept-Encoding is invented",
    rules: ["rule 20"],
    choice: true,
    sees: { lacks: ["Accept-Encoding"] },
  }),
  up({
    name: "nothing-invented",
    title: "no Accept, Cache-Control, Content-Type or Date is invented",
    rules: ["rule 19"],
    choice: true,
    sees: { lacks: ["Accept", "Cache-Control", "Content-Type", "Date"] },
  }),
  exchange({
    id: "forwarding/encoded-content",
    title: "encoded content is forwarded unchanged",
    rules: ["rule 20", "RFC 9110 section 7.7"],
    choice: true,
    sends: request(),
    originSends: response({ fields: ["Content-Encoding: gzip"], content: "\x1f\x8bnot really gzip" }),
    clientSees: { status: 200, fields: ["Content-Encoding: gzip"], content: "\x1f\x8bnot really gzip" },
  }),
];
