import type { Socket } from "node:net";

import {
  connectionPreface,
  dataFrame,
  headersFrame,
  pingFrame,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "@trailsum/testkit/http2-frames";
import { encodeFields, type FieldPairs } from "@trailsum/testkit/http2-hpack";

import { type Content, keepsTrailers, smallContent } from "./exchange.ts";
import { fieldBlocks, FrameTemplate } from "./frame-template.ts";
import { WINDOW } from "./http2-lane.ts";
import { Http2Reader } from "./http2-reader.ts";
import { GRPC_MESSAGE } from "./http2-senders.ts";
import type { Message } from "./message-reader.ts";

const CALL: FieldPairs = [
  [":status", "200"],
  ["content-type", "application/grpc"],
];
const CALL_END: FieldPairs = [
  ["grpc-status", "0"],
  ["grpc-message", "done"],
];
const callBlocks = fieldBlocks(CALL);

function callAnswer(block: Buffer): FrameTemplate {
  const end = headersFrame(0, encodeFields(CALL_END), { endStream: true });
  return new FrameTemplate(headersFrame(0, block), dataFrame(0, GRPC_MESSAGE), end);
}

const firstCall = callAnswer(callBlocks.first);
const nextCall = callAnswer(callBlocks.next);

const [kept, lost] = ["kept", "lost"].map((text) => {
  const fields: FieldPairs = [
    [":status", "200"],
    ["content-length", "4"],
    ["x-trailers", text],
  ];
  return new FrameTemplate(headersFrame(0, encodeFields(fields)), dataFrame(0, text, { endStream: true }));
}) as [FrameTemplate, FrameTemplate];

/** Serves a connection of HTTP/2: answers calls of gRPC, and reports for anything else whether its trailers came. */
export function serveHttp2(socket: Socket, large: Content): void {
  let called = false;
  let taken = 0;
  const answer = (id: number, message: Message): void => {
    if (message.head.includes("\r\ncontent-type: application/grpc\r\n")) {
      socket.write((called ? nextCall : firstCall).on(id));
      called = true;
      return;
    }
    const expected = message.size === smallContent.size ? smallContent : large;
    socket.write((message.size === expected.size && keepsTrailers(message, expected) ? kept : lost).on(id));
  };
  const reader = new Http2Reader({
    message: answer,
    control(frame) {
      if (frame.type === "SETTINGS" && !frame.ack) socket.write(settingsAckFrame());
      else if (frame.type === "PING" && !frame.ack) socket.write(pingFrame(frame.body, { ack: true }));
    },
    content(bytes) {
      taken += bytes;
      if (taken < WINDOW / 4) return;
      socket.write(windowUpdateFrame(0, taken));
      taken = 0;
    },
  });
  let preface = connectionPreface.length;
  socket.on("data", (piece: Buffer) => {
    const skipped = Math.min(preface, piece.length);
    preface -= skipped;
    socket.cork();
    try {
      reader.read(piece.subarray(skipped));
    } catch {
      socket.destroy();
    }
    socket.uncork();
  });
  socket.on("error", () => socket.destroy());
  socket.write(settingsFrame({ INITIAL_WINDOW_SIZE: WINDOW, MAX_CONCURRENT_STREAMS: 1_000 }));
  socket.write(windowUpdateFrame(0, WINDOW - 65_535));
}
