import { dataFrame, headersFrame } from "@trailsum/testkit/http2-frames";
import { encodeFields, type FieldPairs } from "@trailsum/testkit/http2-hpack";

import { BLOCK, type Content, type Http2ExchangeName, SMALL, smallContent } from "./exchange.ts";
import { fieldBlocks, FrameTemplate } from "./frame-template.ts";
import { type Judge, judgeRequest, judgeResponse } from "./senders.ts";

/** How one kind of request is sent over HTTP/2, and what is thought of an answer to it. */
export interface Http2Sender {
  /** The beginning, on a connection that has sent none yet and on any other; all of it where the rest is small. */
  readonly first: FrameTemplate;
  readonly next: FrameTemplate;
  /** What follows bit by bit, as the other side lets it. */
  readonly rest?: { readonly size: number; readonly end: FrameTemplate };
  readonly judge: Judge;
}

/** The message of a call: five bytes, and small content. */
export const GRPC_MESSAGE: Buffer = Buffer.concat([
  Buffer.of(0, 0, 0, SMALL >> 8, SMALL & 0xff),
  BLOCK.subarray(0, SMALL),
]);

/** How requests of a kind are sent to a port. */
export function http2SenderOf(
  name: Http2ExchangeName,
  { port, tls }: { readonly port: number; readonly tls: boolean },
  large: Content,
): Http2Sender {
  const head = (method: string, path: string): FieldPairs => [
    [":method", method],
    [":scheme", tls ? "https" : "http"],
    [":authority", `127.0.0.1:${port}`],
    [":path", path],
    ["user-agent", "bench"],
    ["te", "trailers"],
  ];
  const begin = (path: string, type: string): FieldPairs => [...head("POST", path), ["content-type", type]];
  if (name === "http2-response") {
    const { first, next } = fieldBlocks(head("GET", "/"));
    const request = (block: Buffer): FrameTemplate => new FrameTemplate(headersFrame(0, block, { endStream: true }));
    return { first: request(first), next: request(next), judge: judgeResponse(smallContent) };
  }
  if (name === "grpc-unary") {
    const frames = [dataFrame(0, GRPC_MESSAGE, { endStream: true })];
    return { ...sent(begin("/bench.Echo/Unary", "application/grpc"), frames), judge: judgeCall };
  }
  const fields: FieldPairs = [...begin("/", "application/octet-stream"), ["trailer", "Md5, Size"]];
  if (name === "http2-request") {
    const frames = [dataFrame(0, BLOCK.subarray(0, SMALL)), trailersFrame(smallContent)];
    return { ...sent(fields, frames), judge: judgeRequest };
  }
  const rest = { size: large.size, end: new FrameTemplate(trailersFrame(large)) };
  return { ...sent(fields, []), rest, judge: judgeRequest };
}

function sent(fields: FieldPairs, frames: readonly Buffer[]): Pick<Http2Sender, "first" | "next"> {
  const { first, next } = fieldBlocks(fields);
  return {
    first: new FrameTemplate(headersFrame(0, first), ...frames),
    next: new FrameTemplate(headersFrame(0, next), ...frames),
  };
}

function trailersFrame({ trailers }: Content): Buffer {
  const fields = trailers
    .toLowerCase()
    .trim()
    .split("\r\n")
    .map((line) => line.split(": ") as [string, string]);
  return headersFrame(0, encodeFields(fields), { endStream: true });
}

function judgeCall({ head, size, trailers }: Parameters<Judge>[0]): ReturnType<Judge> {
  if (!head.startsWith("HTTP/2 200") || size !== GRPC_MESSAGE.length) return undefined;
  return trailers.includes("grpc-status: 0\r\n") ? "kept" : "lost";
}
