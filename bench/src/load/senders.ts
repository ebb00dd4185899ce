import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { crc32 } from "node:zlib";

import { signRequest } from "@trailsum/s3";
import { FieldLines } from "@trailsum/shared";

import {
  CHUNKED_FIELDS,
  type ChunkSize,
  type Content,
  FILE,
  type Http1ExchangeName,
  keepsTrailers,
  mebibyteInChunks,
  smallContent,
  smallInChunks,
} from "./exchange.ts";
import type { Message } from "./message-reader.ts";

/** Whether an answer, or the request that it reports on, kept its trailers; nothing for an answer that is not right. */
export type Judge = (answer: Message) => "kept" | "lost" | undefined;

/** How one kind of request is sent over HTTP/1.1, and what is thought of an answer to it. */
export interface Sender {
  readonly send: (socket: Socket) => void;
  readonly judge: Judge;
}

const MIB = 1024 * 1024;
const FIELDS = "User-Agent: bench\r\nAccept: */*\r\nTE: trailers\r\nConnection: TE\r\n";

/** How requests of a kind are sent to a port. */
export function senderOf(name: Http1ExchangeName, port: number, large: Content, chunks?: ChunkSize): Sender {
  const host = `Host: 127.0.0.1:${port}\r\n`;
  const type = "Content-Type: application/octet-stream\r\n";
  const uploadHead = Buffer.from(`POST / HTTP/1.1\r\n${host}${FIELDS}${type}${CHUNKED_FIELDS}\r\n`);
  switch (name) {
    case "small-response":
      return {
        send: sendAll(Buffer.from(`GET / HTTP/1.1\r\n${host}${FIELDS}\r\n`)),
        judge: judgeResponse(smallContent),
      };
    case "large-response":
      return { send: sendAll(Buffer.from(`GET /large HTTP/1.1\r\n${host}${FIELDS}\r\n`)), judge: judgeResponse(large) };
    case "small-request":
      return {
        send: sendAll(Buffer.concat([uploadHead, smallInChunks, lastChunk(smallContent)])),
        judge: judgeRequest,
      };
    case "large-request":
      return {
        send(socket) {
          socket.write(uploadHead);
          sendLarge(socket, large, { chunks });
        },
        judge: judgeRequest,
      };
    case "small-upload": {
      const head = Buffer.from(`PUT /upload HTTP/1.1\r\n${host}${FIELDS}${type}${CHUNKED_FIELDS}\r\n`);
      return {
        send: sendAll(Buffer.concat([head, smallInChunks, lastChunk(smallContent)])),
        judge: judgeUpload,
      };
    }
    case "put-file": {
      const digest = createHash("sha256").update(FILE).digest("base64");
      return {
        send: sendAll(putOf(port, FieldLines.from([["Repr-Digest", `sha-256=:${digest}:`]]))),
        judge: judgeUpload,
      };
    }
    case "put-object":
      return { send: sendAll(putOf(port, signedHeader(port))), judge: judgeUpload };
  }
}

/** The bucket and the object that are written, again and again. */
const OBJECT = "/bench/object";

/** The credentials of the client of S3, which the server knows. */
export const S3_CREDENTIALS = { accessKeyId: "bench", secretAccessKey: "bench-secret" } as const;

/** The header of a PutObject of the file, as the SDKs send it: the checksum crc32, the digest of the content, and a signature. */
function signedHeader(port: number): FieldLines {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(FILE));
  const header = FieldLines.from([
    ["x-amz-checksum-crc32", checksum.toString("base64")],
    ["x-amz-sdk-checksum-algorithm", "CRC32"],
  ]);
  const payload = createHash("sha256").update(FILE).digest("hex");
  const request = { method: "PUT", path: OBJECT, query: [], header, host: `127.0.0.1:${port}`, payload };
  return signRequest(request, S3_CREDENTIALS, { region: "us-east-1" });
}

/** A PUT of the file. */
function putOf(port: number, header: FieldLines): Buffer {
  const lines = Array.from(header, ([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = `PUT ${OBJECT} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${FILE.length}\r\n${lines}\r\n`;
  return Buffer.concat([Buffer.from(head), FILE]);
}

/** Sends large content in chunks, as fast as it is taken, and its trailers. */
export function sendLarge(
  socket: Socket,
  content: Content,
  { from = 0, chunks }: { readonly from?: number; readonly chunks?: ChunkSize | undefined } = {},
): void {
  for (let sent = from; sent < content.size; sent += MIB) {
    if (socket.write(mebibyteInChunks(chunks))) continue;
    socket.once("drain", () => sendLarge(socket, content, { from: sent + MIB, chunks }));
    return;
  }
  socket.write(lastChunk(content));
}

/** The end of content, with its trailers. */
export function lastChunk(content: Content): Buffer {
  return Buffer.from(`0\r\n${content.trailers}\r\n`);
}

function sendAll(bytes: Buffer): Sender["send"] {
  return (socket) => void socket.write(bytes);
}

/** Whether the content and its trailers came. */
export function judgeResponse(content: Content): Judge {
  return (answer) => {
    if (!isGood(answer) || answer.size !== content.size) return undefined;
    return keepsTrailers(answer, content) ? "kept" : "lost";
  };
}

/** By what the origin reports about the request. */
export function judgeRequest(answer: Message): ReturnType<Judge> {
  if (!isGood(answer)) return undefined;
  return /\r\nx-trailers: (kept|lost)\r\n/i.exec(answer.head)?.[1] as "kept" | "lost" | undefined;
}

/** Whether an upload was stored. */
function judgeUpload({ head }: Message): ReturnType<Judge> {
  return /^HTTP\/1\.1 20[01] /.test(head) ? "kept" : undefined;
}

function isGood(answer: Message): boolean {
  return /^HTTP\/[\d.]+ 200/.test(answer.head);
}
