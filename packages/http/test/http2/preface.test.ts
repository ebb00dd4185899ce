import { expect, test } from "vitest";

import { http2Preface } from "../../src/http2/frames/preface.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

test("the preface of HTTP/2 is known when all of it has come, and not before", () => {
  for (let length = 0; length < PREFACE.length; length += 1) {
    expect(http2Preface(Buffer.from(PREFACE.slice(0, length)))).toBe("begun");
  }
  expect(http2Preface(Buffer.from(PREFACE))).toBe("whole");
  expect(http2Preface(Buffer.from(`${PREFACE}more`))).toBe("whole");
});

test("what differs from it at any place is something else", () => {
  for (let at = 0; at < PREFACE.length; at += 1) {
    expect(http2Preface(Buffer.from(`${PREFACE.slice(0, at)}~${PREFACE.slice(at + 1)}`))).toBe("none");
    expect(http2Preface(Buffer.from(`${PREFACE.slice(0, at)}~`))).toBe("none");
  }
});
