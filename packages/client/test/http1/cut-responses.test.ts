import { describe, expect, test } from "vitest";

import { outcome, refusal } from "./refusal.ts";

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("the server closes", () => {
  test.each([
    ["before its answer", ""],
    ["in the middle of the status line", "HTTP/1.1 2"],
    ["in the middle of a field line", "HTTP/1.1 200 OK\r\nContent-Le"],
    ["before the empty line", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"],
    ["in the middle of the empty line", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r"],
    ["after an interim response", "HTTP/1.1 103 Early Hints\r\n\r\n"],
    ["before the content", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"],
    ["in the middle of the content", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"],
    ["before the first chunk", HEAD],
    ["in the middle of a chunk size", `${HEAD}1`],
    ["in the middle of the end of a chunk size", `${HEAD}5\r`],
    ["in the middle of an extension", `${HEAD}5;a`],
    ["before a chunk's data", `${HEAD}5\r\n`],
    ["in the middle of a chunk's data", `${HEAD}5\r\nhel`],
    ["before the end of a chunk", `${HEAD}5\r\nhello`],
    ["in the middle of the end of a chunk", `${HEAD}5\r\nhello\r`],
    ["before the last chunk", `${HEAD}5\r\nhello\r\n`],
    ["in the middle of the last chunk", `${HEAD}5\r\nhello\r\n0`],
    ["in the middle of the end of the last chunk", `${HEAD}5\r\nhello\r\n0\r`],
    ["before the trailers", `${HEAD}5\r\nhello\r\n0\r\n`],
    ["in the middle of a trailer", `${HEAD}5\r\nhello\r\n0\r\nMd5: 5d41`],
    ["in the middle of the end of a trailer", `${HEAD}5\r\nhello\r\n0\r\nMd5: 5d41\r`],
    ["before the final CRLF", `${HEAD}5\r\nhello\r\n0\r\nMd5: 5d41\r\n`],
    ["in the middle of the final CRLF", `${HEAD}5\r\nhello\r\n0\r\nMd5: 5d41\r\n\r`],
    ["in the middle of the final CRLF without trailers", `${HEAD}5\r\nhello\r\n0\r\n\r`],
  ])("%s", async (_name, bytes) => {
    const cut = await outcome(bytes, { ends: true });
    expect(cut).toMatchObject(refusal("UND_ERR_SOCKET"));
    expect("hello").toContain(cut.body);
  });
});
