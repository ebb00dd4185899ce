import { type CaseInit, type ConformanceCase, exchange, script, type Step } from "../conformance-case.ts";
import { request, response, switched, websocket } from "../message.ts";

const area = (name: string): string => `upgrades/${name}`;
const ASKS = [
  "Connection: keep-alive, Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
const asks = request({ fields: ASKS });
const ACCEPT = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const SWITCHED = ["Connection: Upgrade", "Upgrade: websocket", ACCEPT];
const answers101 = response({ status: 101, fields: SWITCHED });
const RFC = "RFC 9110 section 7.8";

/** A WebSocket is opened, and then these steps are played on its two ends. */
function tunnel(
  init: Omit<CaseInit, "id"> & { name: string; client: readonly Step[]; origin: readonly Step[] },
): ConformanceCase {
  const { name, client, origin, ...rest } = init;
  return script({
    ...rest,
    id: area(name),
    client: [{ send: websocket() }, { see: { tunnel: "websocket" } }, ...client],
    origin: [{ see: { tunnel: "websocket" } }, { send: switched() }, ...origin],
  });
}

/** An upgrade that must come to nothing: the origin answers like this. */
function noSwitch(name: string, title: string, fields: readonly string[], rules: readonly string[]): ConformanceCase {
  return script({
    id: area(name),
    title,
    rules,
    choice: true,
    client: [{ send: asks }, { see: { status: 502 } }],
    origin: [{ see: {} }, { send: response({ status: 101, fields }) }, { seeEnd: true }],
  });
}

/** Switching protocols, and what flows then. */
export const upgrades: readonly ConformanceCase[] = [
  script({
    id: area("asked"),
    title: "what is asked for reaches the origin: Connection and Upgrade written again, the rest unchanged",
    rules: ["rule 51", RFC],
    choice: true,
    client: [{ send: asks }, { see: { status: 101, fields: SWITCHED.slice(1) } }],
    origin: [{ see: { fields: SWITCHED.slice(1, 2), nowhere: ["keep-alive, Upgrade"] } }, { send: answers101 }],
  }),
  tunnel({
    name: "both-ways",
    title: "bytes flow both ways, as they are",
    rules: ["rule 53", RFC],
    choice: true,
    client: [{ send: "ping\0\xff\r\n" }, { seeBytes: "pong\0\xfe\n" }, { send: "again" }, { seeBytes: "once more" }],
    origin: [{ seeBytes: "ping\0\xff\r\n" }, { send: "pong\0\xfe\n" }, { seeBytes: "again" }, { send: "once more" }],
  }),
  script({
    id: area("bytes-after-101"),
    title: "bytes right after the 101 are not lost",
    rules: ["rule 58", "G7"],
    choice: true,
    client: [{ send: asks }, { see: { status: 101 } }, { seeBytes: "hello" }],
    origin: [
      { see: {} },
      {
        send: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello",
      },
    ],
  }),
  script({
    id: area("bytes-after-request"),
    title: "bytes that a client sends right after its request are not lost",
    rules: ["rule 58", "G7"],
    choice: true,
    client: [
      {
        send: "GET / HTTP/1.1\r\nHost: conformance.example\r\n{case}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nearly",
      },
      { see: { status: 101 } },
      { seeBytes: "got it" },
    ],
    origin: [{ see: {} }, { send: answers101 }, { seeBytes: "early" }, { send: "got it" }],
  }),
  tunnel({
    name: "client-half-closes",
    title: "the client's end is handed on, the other direction stays open",
    rules: ["rule 56"],
    choice: true,
    client: [{ send: "last" }, { act: "end" }, { seeBytes: "still here" }, { seeEnd: true }],
    origin: [{ seeBytes: "last" }, { seeEnd: true }, { send: "still here" }, { act: "end" }],
  }),
  tunnel({
    name: "origin-half-closes",
    title: "the origin's end is handed on, the other direction stays open",
    rules: ["rule 56"],
    choice: true,
    client: [{ seeBytes: "last" }, { seeEnd: true }, { send: "still here" }, { act: "end" }],
    origin: [{ send: "last" }, { act: "end" }, { seeBytes: "still here" }, { seeEnd: true }],
  }),
  tunnel({
    name: "client-resets",
    title: "the origin notices a client that aborts",
    rules: ["rule 55"],
    choice: true,
    client: [{ act: "reset" }],
    origin: [{ seeEnd: true }],
  }),
  tunnel({
    name: "origin-resets",
    title: "the client notices an origin that aborts",
    rules: ["rule 55"],
    choice: true,
    client: [{ mark: "switched" }, { seeEnd: true }],
    origin: [{ after: "switched" }, { act: "reset" }],
  }),
  script({
    id: area("other-case"),
    title: "names of protocols are compared without regard to case",
    rules: ["rule 53", RFC],
    choice: true,
    client: [{ send: asks }, { see: { status: 101 } }, { send: "x" }, { seeBytes: "y" }],
    origin: [
      { see: {} },
      { send: response({ status: 101, fields: ["connection: upgrade", "upgrade: WebSocket", ACCEPT] }) },
      { seeBytes: "x" },
      { send: "y" },
    ],
  }),
  exchange({
    id: area("refused"),
    title: "an upgrade that the origin refuses is answered with the refusal",
    rules: ["rule 53", RFC],
    choice: true,
    sends: websocket(),
    originSees: { tunnel: "websocket" },
    originSends: response({ status: 403, content: "no" }),
    clientSees: { status: 403, content: "no" },
  }),
  exchange({
    id: area("ignored"),
    title: "an origin that ignores the upgrade answers as usual, chunked and all",
    rules: ["rule 53", RFC],
    choice: true,
    // In HTTP/2 a 200 does not ignore the upgrade: it opens the tunnel.
    only: { origin: "1.1" },
    sends: asks,
    originSends: response({ content: ["abc", "def"], framing: "chunked" }),
    clientSees: { status: 200, content: "abcdef" },
  }),
  script({
    id: area("hop-by-hop"),
    title: "fields for one hop are removed from the 101",
    rules: ["rule 26", "G6"],
    choice: true,
    client: [{ send: asks }, { see: { status: 101, fields: ["Upgrade: websocket"], nowhere: ["4711"] } }],
    origin: [
      { see: {} },
      {
        send: response({
          status: 101,
          fields: [
            "Connection: X-Hop, Upgrade",
            "X-Hop: 4711",
            "Keep-Alive: timeout=4711",
            "Upgrade: websocket",
            ACCEPT,
          ],
        }),
      },
    ],
  }),
  noSwitch(
    "other-protocol",
    "a switch to another protocol is an error, and closes the origin's connection",
    ["Connection: Upgrade", "Upgrade: forged"],
    ["rule 53", "rule 58", RFC],
  ),
  noSwitch("no-upgrade-field", "a switch to nothing is an error", ["Connection: Upgrade"], ["rule 53", RFC]),
  exchange({
    id: area("without-connection"),
    title: "Upgrade without Connection asks for nothing",
    rules: ["rule 49", RFC],
    sends: request({ fields: ["Upgrade: websocket"] }),
    originSees: { lacks: ["Connection: Upgrade"], nowhere: ["websocket"] },
    originSends: response({ content: "abc" }),
    clientSees: { status: 200, content: "abc" },
    choice: true,
  }),
  exchange({
    id: area("connection-without-upgrade"),
    title: "Connection: upgrade without Upgrade asks for nothing",
    rules: ["rule 49", RFC],
    sends: request({ fields: ["Connection: upgrade"] }),
    originSees: { lacks: ["Upgrade"] },
    originSends: response({ content: "abc" }),
    clientSees: { status: 200, content: "abc" },
  }),
  ...["h2c", "H2C, websocket"].map((protocols, at) =>
    exchange({
      id: area(at === 0 ? "cleartext-http2" : "cleartext-http2-among-others"),
      title: at === 0 ? "an upgrade to h2c is never handed on" : "h2c is never handed on beside another protocol",
      rules: ["rule 52", "G8", "RFC 9113 section 3.1"],
      choice: true,
      // With another protocol beside it, it may open a tunnel of HTTP/2.
      only: at === 0 ? {} : { origin: "1.1" },
      sends: request({
        fields: [
          "Connection: Upgrade, HTTP2-Settings",
          `Upgrade: ${protocols}`,
          "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ],
      }),
      originSees: { lacks: ["HTTP2-Settings"], nowhere: ["h2c", "H2C", "AAMAAABk"] },
      originSends: response({ content: "abc" }),
      clientSees: { status: 200, content: "abc" },
    }),
  ),
  exchange({
    id: area("http2-settings-alone"),
    title: "HTTP2-Settings that Connection names is for one hop",
    rules: ["rule 21", "rule 52", "G8"],
    sends: request({ fields: ["Connection: HTTP2-Settings", "HTTP2-Settings: AAMAAABk"] }),
    originSees: { lacks: ["HTTP2-Settings"] },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  exchange({
    id: area("not-printable"),
    title: "a protocol with an invalid name is not requested",
    rules: ["rule 50", RFC],
    choice: true,
    sends: request({ fields: ["Connection: Upgrade", "Upgrade: web\u00e9socket"] }),
    originSees: { nowhere: ["web\u00e9socket"] },
    originSends: response({ content: "abc" }),
    clientSees: { end: "either" },
    reached: "maybe",
  }),
  script({
    id: area("with-content"),
    title: "the content of a request that asks for an upgrade is neither lost nor taken for the new protocol",
    rules: [RFC],
    client: [{ send: request({ method: "POST", fields: ASKS, content: "abc" }) }, { see: { end: "either" } }],
    origin: [{ see: { content: "abc" } }, { send: response({ content: "def" }) }],
    reached: "maybe",
  }),
  script({
    id: area("down"),
    title: "an upgrade that no origin is there for is answered with 502",
    rules: ["rule 33"],
    choice: true,
    setup: "down",
    client: [{ send: websocket() }, { see: { status: [502, 503] } }],
    origin: [],
    reached: "maybe",
  }),
];
