import { FieldLines } from "@trailsum/shared";
import { array, assert, nat, property, uint8Array } from "fast-check";
import { expect, test } from "vitest";

import { AwsChunkedDecoder } from "../src/aws-chunked/aws-chunked-decoder.ts";
import { ChunkSignatures } from "../src/aws-chunked/chunk-signatures.ts";
import { S3Error } from "../src/s3-errors.ts";
import { S3Query } from "../src/s3-query.ts";
import { authenticate } from "../src/sigv4/authenticate.ts";
import vector from "./sigv4-trailer-vector.json" with { type: "json" };

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };

const header = FieldLines.from([
  ["host", "127.0.0.1:9000"],
  ["content-encoding", "aws-chunked"],
  ["x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"],
  ["x-amz-date", "20261130T000000Z"],
  ["x-amz-decoded-content-length", "11"],
  ["x-amz-trailer", "x-amz-checksum-crc32"],
  ["authorization", vector.authorization],
]);
const request = { method: "PUT", path: "/bucket/key", query: new S3Query(undefined), header, host: "127.0.0.1:9000" };
const now = Date.UTC(2026, 10, 30);
const announced = ["x-amz-checksum-crc32"];

/** Decodes `body`, cut at these places, as the content of the signed request of the vector. */
function decodeSigned(body: string, cuts: readonly number[]): { content: string; trailers: FieldLines } {
  const { signer, signature } = authenticate(request, [credentials], now)!;
  const pieces: Buffer[] = [];
  const decoder = new AwsChunkedDecoder({
    announced,
    signatures: new ChunkSignatures(signer, signature),
    size: 11,
    onData: (bytes) => pieces.push(Buffer.from(bytes)),
  });
  const places = [0, ...cuts.toSorted((a, b) => a - b), body.length];
  for (const [at, place] of places.slice(1).entries())
    decoder.decode(Buffer.from(body.slice(places[at], place), "latin1"));
  decoder.end();
  return { content: Buffer.concat(pieces).toString(), trailers: decoder.trailers };
}

test("the signed vector is decoded, however it is split", () => {
  expect(vector.body).toHaveLength(vector.contentLength);
  assert(
    property(array(nat(vector.body.length), { maxLength: 40 }), (cuts) => {
      const { content, trailers } = decodeSigned(vector.body, cuts);
      expect([content, trailers.get("x-amz-checksum-crc32")]).toEqual(["hello world", "DUoRhQ=="]);
    }),
    { numRuns: 50 },
  );
});

test("an empty line before a signed trailer is accepted", () => {
  const body = vector.body.replace("\r\nx-amz-checksum", "\r\n\r\nx-amz-checksum");
  expect(decodeSigned(body, []).content).toBe("hello world");
});

test("no byte of a signed body can be changed", () => {
  for (let at = 0; at < vector.body.length; at += 1) {
    const changed = String.fromCharCode(vector.body.charCodeAt(at) ^ 1);
    const body = vector.body.slice(0, at) + changed + vector.body.slice(at + 1);
    expect(() => decodeSigned(body, []), `byte ${at}`).toThrow(S3Error);
  }
});

test("no byte of a body can lack", () => {
  for (let at = 0; at < vector.body.length; at += 1) {
    expect(() => decodeSigned(vector.body.slice(0, at) + vector.body.slice(at + 1), []), `byte ${at}`).toThrow(S3Error);
    expect(() => decodeSigned(vector.body.slice(0, at), []), `after ${at}`).toThrow(S3Error);
  }
});

test("a signature is not valid with another secret, path, method, query, field or time", () => {
  expect(authenticate(request, [credentials], now)).toMatchObject({ signature: vector.seed });
  const failures = [
    () => authenticate(request, [{ ...credentials, secretAccessKey: "another" }], now),
    () => authenticate({ ...request, path: "/bucket/kez" }, [credentials], now),
    () => authenticate({ ...request, method: "GET" }, [credentials], now),
    () => authenticate({ ...request, query: new S3Query("acl") }, [credentials], now),
    () => authenticate({ ...request, header: header.set("x-amz-decoded-content-length", "12") }, [credentials], now),
    () => authenticate({ ...request, host: "127.0.0.1:9001" }, [credentials], now),
  ];
  for (const fail of failures) expect(fail).toThrow(expect.objectContaining({ s3Code: "SignatureDoesNotMatch" }));
  expect(() => authenticate(request, [], now)).toThrow(expect.objectContaining({ s3Code: "InvalidAccessKeyId" }));
  expect(() =>
    authenticate({ ...request, header: header.with("x-amz-acl", "public-read") }, [credentials], now),
  ).toThrow(expect.objectContaining({ s3Code: "AccessDenied" }));
  for (const minutes of [-16, 16]) {
    expect(() => authenticate(request, [credentials], now + minutes * 60_000)).toThrow(
      expect.objectContaining({ s3Code: "RequestTimeTooSkewed" }),
    );
    expect(authenticate(request, [credentials], now + Math.sign(minutes) * 14 * 60_000)).toBeDefined();
  }
});

test("an unsigned body of any split is decoded", () => {
  assert(
    property(array(uint8Array({ minLength: 1, maxLength: 50 })), nat(30), (chunks, width) => {
      const framed = chunks.flatMap((chunk) => [
        Buffer.from(`${chunk.length.toString(16)}\r\n`),
        chunk,
        Buffer.from("\r\n"),
      ]);
      const body = Buffer.concat([...framed, Buffer.from("0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n")]);
      const pieces: Buffer[] = [];
      const content = Buffer.concat(chunks);
      const onData = (bytes: Buffer): void => void pieces.push(Buffer.from(bytes));
      const decoder = new AwsChunkedDecoder({ announced, signatures: undefined, size: content.length, onData });
      for (let at = 0; at < body.length; at += width + 1) decoder.decode(body.subarray(at, at + width + 1));
      decoder.end();
      expect(Buffer.concat(pieces).equals(content)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test("a line that never ends is refused before it takes memory", () => {
  const decoder = new AwsChunkedDecoder({ announced, signatures: undefined, size: 1, onData: () => {} });
  expect(() => decoder.decode(Buffer.alloc(2_000, "1"))).toThrow(expect.objectContaining({ s3Code: "IncompleteBody" }));
});

test("a signature in the query is that of Amazon's documentation, and expires", () => {
  const presigned = new S3Query(
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
      "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
      "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
  const host = "examplebucket.s3.amazonaws.com";
  const get = { method: "GET", path: "/test.txt", query: presigned, header: FieldLines.from([["Host", host]]), host };
  const keys = [{ accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" }];
  const signed = Date.UTC(2013, 4, 24);
  expect(authenticate(get, keys, signed + 86_399_000)).toMatchObject({ payload: "UNSIGNED-PAYLOAD" });
  for (const [changed, at, code] of [
    [get, signed + 86_401_000, "AccessDenied"],
    [get, signed - 16 * 60_000, "RequestTimeTooSkewed"],
    [{ ...get, path: "/test.tx" }, signed, "SignatureDoesNotMatch"],
    [{ ...get, method: "PUT" }, signed, "SignatureDoesNotMatch"],
  ] as const) {
    expect(() => authenticate(changed, keys, at)).toThrow(expect.objectContaining({ s3Code: code }));
  }
});
