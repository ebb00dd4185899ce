import { S3Error, xmlDocument } from "@trailsum/s3";
import { TrailsumError } from "@trailsum/shared";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { answerLong } from "../../src/s3/long-answer.ts";
import type { UploadExchange } from "../../src/upload-exchange.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An exchange that keeps what it is asked to send. */
function exchange() {
  const sent = { status: 0, text: "", ended: false, aborted: false };
  const request = {
    head: { method: "POST", target: "/bucket/key?uploadId=1" },
    exchange: {
      gone: false,
      request: { method: "POST" },
      head: ({ status }: { status: number }) => void (sent.status = status),
      write: (piece: Buffer) => {
        sent.text += piece.toString();
        return true;
      },
      end: () => void (sent.ended = true),
      abort: () => void (sent.aborted = true),
    },
  } as unknown as UploadExchange;
  return { sent, request };
}

const result = xmlDocument("Result", []);
const record = (_request: UploadExchange, error: TrailsumError): S3Error | undefined =>
  error instanceof S3Error ? error : undefined;

test("a document that is made soon is the whole answer", async () => {
  const { sent, request } = exchange();
  await answerLong(request, () => Promise.resolve(result), record);
  expect(sent).toMatchObject({ status: 200, text: result.toString(), ended: true });
  expect(vi.getTimerCount()).toBe(0);
});

test("one that takes long begins with spaces after its declaration, as often as clients need them", async () => {
  const { sent, request } = exchange();
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const answered = answerLong(request, () => promise, record);
  vi.advanceTimersByTime(9_999);
  expect(sent.status).toBe(0);
  vi.advanceTimersByTime(20_001);
  expect(sent).toMatchObject({ status: 200, ended: false });
  resolve(result);
  await answered;
  expect(sent.ended).toBe(true);
  expect(sent.text.replace("   ", "")).toBe(result.toString());
  expect(sent.text).toMatch(/^<\?xml [^>]*>\n {3}<Result /);
  expect(vi.getTimerCount()).toBe(0);
});

test("what fails after the answer has begun is an error document in it, and a client that is gone gets none", async () => {
  for (const error of [new S3Error("BadDigest"), new TrailsumError("CONNECTION_LOST", "gone")]) {
    const { sent, request } = exchange();
    const { promise, reject } = Promise.withResolvers<Buffer>();
    const answered = answerLong(request, () => promise, record);
    vi.advanceTimersByTime(10_000);
    reject(error);
    await answered;
    const known = error instanceof S3Error;
    expect([sent.aborted, sent.ended]).toEqual([!known, known]);
    expect(sent.text.includes("<Error><Code>BadDigest</Code>")).toBe(known);
  }
});

test("what fails before it has begun is for the caller to answer", async () => {
  const { sent, request } = exchange();
  const failing = answerLong(request, () => Promise.reject(new S3Error("InvalidPart")), record);
  await expect(failing).rejects.toMatchObject({ s3Code: "InvalidPart" });
  expect(sent.status).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
