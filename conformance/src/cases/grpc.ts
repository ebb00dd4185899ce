import { type CaseInit, type ConformanceCase, exchange, script, type Step } from "../conformance-case.ts";
import { request, response } from "../message.ts";

const area = (name: string): string => `grpc/${name}`;
/** A message as gRPC frames it: not compressed, its length, its octets. */
const framed = (text: string): string => `\0\0\0\0${String.fromCodePoint(text.length)}${text}`;
const TYPE = "Content-Type: application/grpc";
const STATUS = "gRPC over HTTP/2, Responses";

const call = request({
  method: "POST",
  target: "/conformance.Service/Method",
  fields: [TYPE, "TE: trailers", "Grpc-Timeout: 5S", "Ping-Bin: AAEC"],
  content: [framed("hello")],
  framing: "chunked",
});
const ok = ["Grpc-Status: 0", "Grpc-Message: fine", "Pong-Bin: AwQF"];

/** An error that the proxy itself makes: HTTP 200, and the status where gRPC looks for it. */
function failing(
  init: Omit<CaseInit, "id"> & { readonly name: string; readonly status: number; readonly origin: readonly Step[] },
): ConformanceCase {
  const { name, status, origin, ...rest } = init;
  return script({
    ...rest,
    id: area(name),
    rules: [...rest.rules, "gRPC rule 12", STATUS],
    choice: true,
    client: [
      { send: call },
      { see: { status: 200, fields: [TYPE, `Grpc-Status: ${status}`], content: "", trailers: [] } },
    ],
    origin,
    reached: origin.length === 0 ? "maybe" : "yes",
  });
}

/** Remote calls: their status is in the trailers, or in the head of a response that has nothing else. */
export const grpc: readonly ConformanceCase[] = [
  exchange({
    id: area("unary"),
    title: "a call is answered, with metadata both ways and a status after it",
    rules: ["gRPC rule 3", "rule 61", STATUS],
    choice: true,
    sends: call,
    originSees: {
      method: "POST",
      target: "/conformance.Service/Method",
      fields: [TYPE, "TE: trailers", "Grpc-Timeout: 5S", "Ping-Bin: AAEC"],
      content: framed("hello"),
    },
    originSends: response({ fields: [TYPE], content: [framed("world")], framing: "chunked", trailers: ok }),
    clientSees: { status: 200, fields: [TYPE], content: framed("world"), trailers: ok },
  }),
  exchange({
    id: area("unary-with-length"),
    title: "a call that is answered with a Content-Length keeps its status",
    rules: ["gRPC rule 9", "rule 69", "G3"],
    choice: true,
    sends: call,
    originSends: response({ fields: [TYPE], content: [framed("world")], framing: "length", trailers: ok }),
    clientSees: { status: 200, fields: [TYPE], content: framed("world"), trailers: ok },
  }),
  exchange({
    id: area("error-after-content"),
    title: "a call that fails within its answer keeps the status and its details",
    rules: ["gRPC rule 3", STATUS],
    choice: true,
    sends: call,
    originSends: response({
      fields: [TYPE],
      content: [framed("one")],
      trailers: ["Grpc-Status: 13", "Grpc-Message: it%20broke", "Grpc-Status-Details-Bin: CA0SBWJyb2tl"],
    }),
    clientSees: {
      status: 200,
      content: framed("one"),
      trailers: ["Grpc-Status: 13", "Grpc-Message: it%20broke", "Grpc-Status-Details-Bin: CA0SBWJyb2tl"],
    },
  }),
  exchange({
    id: area("trailers-only"),
    title: "a response that is its head alone stays that",
    rules: ["gRPC rule 4", STATUS],
    only: { origin: "2" },
    sends: call,
    originSends: response({ fields: [TYPE, "Grpc-Status: 5", "Grpc-Message: no%20such"], framing: "none" }),
    clientSees: {
      status: 200,
      fields: [TYPE, "Grpc-Status: 5", "Grpc-Message: no%20such"],
      content: "",
      trailers: [],
    },
  }),
  exchange({
    id: area("trailers-without-content"),
    title: "a status after a head without content stays after it",
    rules: ["rule 61", STATUS],
    choice: true,
    sends: call,
    originSends: response({ fields: [TYPE], trailers: ["Grpc-Status: 7"] }),
    clientSees: { status: 200, lacks: ["Grpc-Status"], content: "", trailers: ["Grpc-Status: 7"] },
  }),
  exchange({
    id: area("status-not-made-up"),
    title: "an answer without a status gets none",
    rules: [STATUS],
    sends: call,
    originSends: response({ fields: [TYPE], content: [framed("world")], framing: "chunked" }),
    clientSees: { status: 200, content: framed("world"), trailers: [], lacks: ["Grpc-Status"] },
  }),
  exchange({
    id: area("long-details"),
    title: "10 KiB of details come through",
    rules: ["gRPC rule 11", "G11"],
    choice: true,
    sends: call,
    originSends: response({
      fields: [TYPE],
      content: [framed("one")],
      trailers: ["Grpc-Status: 3", `Grpc-Status-Details-Bin: ${"A".repeat(10_240)}`],
    }),
    clientSees: { status: 200, trailers: ["Grpc-Status: 3", `Grpc-Status-Details-Bin: ${"A".repeat(10_240)}`] },
  }),
  script({
    id: area("server-streams"),
    title: "messages of an answer come one by one",
    rules: ["gRPC rule 5"],
    choice: true,
    client: [
      { send: call },
      { seeHead: { status: 200 } },
      { mark: "head" },
      { seeContent: framed("one") },
      { mark: "one" },
      { seeContent: framed("one") + framed("two") },
      { mark: "two" },
      { see: { status: 200, content: framed("one") + framed("two"), trailers: ["Grpc-Status: 0"] } },
    ],
    origin: [
      { see: {} },
      { sendHead: response({ fields: [TYPE], framing: "chunked" }) },
      { after: "head" },
      { sendContent: framed("one") },
      { after: "one" },
      { sendContent: framed("two") },
      { after: "two" },
      { sendEnd: ["Grpc-Status: 0"] },
    ],
  }),
  script({
    id: area("both-stream"),
    title: "a call and its answer alternate, one message at a time",
    rules: ["gRPC rule 6", "rule 79"],
    choice: true,
    client: [
      { sendHead: call },
      { sendContent: framed("one") },
      { seeContent: framed("1") },
      { sendContent: framed("two") },
      { seeContent: framed("1") + framed("2") },
      { sendEnd: [] },
      { see: { status: 200, content: framed("1") + framed("2"), trailers: ["Grpc-Status: 0"] } },
    ],
    origin: [
      { seeHead: {} },
      { seeContent: framed("one") },
      { sendHead: response({ fields: [TYPE], framing: "chunked" }) },
      { sendContent: framed("1") },
      { seeContent: framed("one") + framed("two") },
      { sendContent: framed("2") },
      { see: { content: framed("one") + framed("two") } },
      { sendEnd: ["Grpc-Status: 0"] },
    ],
  }),
  script({
    id: area("answered-early"),
    title: "a status that comes before the call has ended is delivered at once",
    rules: ["gRPC rule 6", "rule 40", "G15"],
    choice: true,
    client: [
      { sendHead: call },
      { sendContent: framed("one") },
      { see: { status: 200, trailers: ["Grpc-Status: 8"] } },
    ],
    origin: [
      { seeHead: {} },
      { seeContent: framed("one") },
      { send: response({ fields: [TYPE], content: [framed("1")], trailers: ["Grpc-Status: 8"], closes: true }) },
    ],
  }),
  script({
    id: area("reset-within"),
    title: "a response that is reset within its content is not a success, and gets no status",
    rules: ["gRPC rule 7", "rule 37"],
    client: [{ send: call }, { see: { end: "broken", nowhere: ["grpc-status", "Grpc-Status"] } }],
    origin: [
      { see: {} },
      { sendHead: response({ fields: [TYPE], framing: "chunked" }) },
      { sendContent: framed("one") },
      { pause: 20 },
      { act: "reset" },
    ],
  }),
  script({
    id: area("cancelled"),
    title: "a call that its client cancels is felt by the origin",
    rules: ["gRPC rule 7"],
    choice: true,
    client: [{ sendHead: call }, { sendContent: framed("one") }, { after: "one" }, { act: "reset" }],
    origin: [{ seeHead: {} }, { seeContent: framed("one") }, { mark: "one" }, { see: { end: "broken" } }],
  }),
  failing({
    name: "down",
    title: "an origin that is not there is UNAVAILABLE",
    rules: ["rule 33"],
    setup: "down",
    status: 14,
    origin: [],
  }),
  failing({
    name: "silent",
    title: "an origin that says nothing is DEADLINE_EXCEEDED",
    rules: ["rule 33", "G16"],
    setup: "impatient",
    status: 4,
    origin: [{ see: {} }, { seeEnd: true }],
  }),
  failing({
    name: "no-answer",
    title: "an origin that aborts instead of answering is UNAVAILABLE",
    rules: ["rule 33"],
    // HTTP/2 has reset codes, of which a client makes the status.
    only: { origin: "1.1" },
    status: 14,
    origin: [{ see: {} }, { act: "reset" }],
  }),
  exchange({
    id: area("http-error"),
    title: "an error of the origin is relayed unchanged",
    rules: ["rule 34", STATUS],
    sends: call,
    originSends: response({ status: 503, fields: ["Content-Type: text/plain"], content: "busy" }),
    clientSees: { status: 503, fields: ["Content-Type: text/plain"], content: "busy" },
    choice: true,
  }),
];
