import { type CaseInit, type ConformanceCase, script, type Step } from "../conformance-case.ts";
import { switched, websocket } from "../message.ts";

const area = (name: string): string => `websockets/${name}`;
const BRIDGE = "rule 59";
const EXTENDED = "RFC 8441 section 5";

/** A WebSocket is opened, and then these steps are played on its two ends. */
function tunnel(
  init: Omit<CaseInit, "id"> & { name: string; client: readonly Step[]; origin: readonly Step[] },
): ConformanceCase {
  const { name, client, origin, ...rest } = init;
  return script({
    choice: true,
    ...rest,
    id: area(name),
    client: [{ send: websocket() }, { see: { tunnel: "websocket" } }, ...client],
    origin: [{ see: { tunnel: "websocket" } }, { send: switched() }, ...origin],
  });
}

/** WebSockets: by Upgrade in HTTP/1.1, by extended CONNECT in HTTP/2, and from one to the other. */
export const websockets: readonly ConformanceCase[] = [
  script({
    id: area("asked"),
    title: "what is asked for and what is agreed on come through, each in its version's own way",
    rules: [BRIDGE, EXTENDED, "RFC 6455 section 4"],
    choice: true,
    client: [
      {
        send: websocket({ target: "/chat?room=1", fields: ["Sec-WebSocket-Protocol: chat, talk", "Origin: http://a"] }),
      },
      { see: { tunnel: "websocket", fields: ["Sec-WebSocket-Protocol: chat"] } },
    ],
    origin: [
      {
        see: {
          tunnel: "websocket",
          target: "/chat?room=1",
          fields: ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: chat, talk", "Origin: http://a"],
        },
      },
      { send: switched(["Sec-WebSocket-Protocol: chat"]) },
    ],
  }),
  tunnel({
    name: "one-after-the-other",
    title: "each piece is forwarded at once, without waiting for the next",
    rules: [BRIDGE, EXTENDED],
    client: [{ sendContent: "1" }, { seeBytes: "a" }, { sendContent: "2" }, { seeBytes: "b" }],
    origin: [{ seeBytes: "1" }, { sendContent: "a" }, { seeBytes: "2" }, { sendContent: "b" }],
  }),
  tunnel({
    name: "right-after-the-answer",
    title: "octets right after the response are not lost",
    rules: ["rule 58", "G7", EXTENDED],
    client: [{ seeBytes: "hello" }],
    origin: [{ sendContent: "hello" }],
  }),
  script({
    id: area("right-after-the-request"),
    title: "octets that a client sends right after its request are not lost",
    rules: ["rule 58", "G7", EXTENDED],
    choice: true,
    client: [{ send: websocket() }, { sendContent: "early" }, { see: { tunnel: "websocket" } }, { seeBytes: "got it" }],
    origin: [{ see: { tunnel: "websocket" } }, { send: switched() }, { seeBytes: "early" }, { sendContent: "got it" }],
  }),
  script({
    id: area("key-not-forwarded"),
    title: "the key and its answer belong to HTTP/1.1, and are not handed on to HTTP/2",
    rules: [EXTENDED],
    choice: true,
    only: { client: "1.1", origin: "2" },
    client: [{ send: websocket() }, { see: { tunnel: "websocket" } }],
    origin: [
      { see: { tunnel: "websocket", lacks: ["Sec-WebSocket-Key", "Upgrade", "Connection"] } },
      { send: switched() },
    ],
  }),
  script({
    id: area("wrong-accept"),
    title: "an origin that accepts another key has opened nothing for a client of HTTP/2",
    rules: ["RFC 6455 section 4.1", EXTENDED],
    choice: true,
    only: { client: "2" },
    client: [{ send: websocket() }, { see: { end: "broken" } }],
    origin: [
      { see: { tunnel: "websocket" } },
      {
        send: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: c29tZXRoaW5nIGVsc2U=\r\n\r\n",
      },
      { seeEnd: true },
    ],
  }),
  script({
    id: area("not-switched"),
    title: "a 200 that does not switch does not open a tunnel for a client of HTTP/2",
    rules: [EXTENDED, "RFC 9110 section 9.3.6"],
    choice: true,
    only: { client: "2" },
    client: [{ send: websocket() }, { see: { end: "broken" } }],
    origin: [{ see: { tunnel: "websocket" } }, { send: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc" }],
  }),
  script({
    id: area("other-protocol"),
    title: "a switch to another protocol has opened nothing for a client of HTTP/2",
    rules: ["rule 53", EXTENDED],
    choice: true,
    only: { client: "2" },
    client: [{ send: websocket() }, { see: { end: "broken" } }],
    origin: [
      { see: { tunnel: "websocket" } },
      { send: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: forged\r\n\r\n" },
      { seeEnd: true },
    ],
  }),
];
