import { expect, test } from "vitest";

import * as http2 from "../../src/http2/index.ts";

test("the entry for HTTP/2 exports these values and no others", () => {
  expect(Object.keys(http2).toSorted()).toEqual([
    "CLIENT_PREFACE",
    "ClientSession",
    "ConnectionFault",
    "ErrorCode",
    "FrameObserver",
    "HeldContent",
    "ServerSession",
    "SessionOutput",
    "StreamTunnel",
    "errorCodeName",
    "http2Preface",
  ]);
});
