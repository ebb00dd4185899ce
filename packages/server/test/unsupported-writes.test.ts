import { describe, expect, test } from "vitest";

import { protocols } from "./http2-peer.ts";
import { content, exchange, handle, md5, readObject, request, upload } from "./peer.ts";

const sized = [`Content-Length: ${content.length}`, `Md5: ${md5(content)}`];

describe.each(protocols)("a write that asks for what is not supported is refused, over %s:", (_protocol, via) => {
  const rows: [what: string, target: string, field: string | undefined, status: number][] = [
    ["a query", "/it?partNumber=2", undefined, 400],
    ["an empty query", "/it?", undefined, 400],
    ["what is not content coding", "/it", 'Content-Encoding: "gzip"', 415],
    ["chunks within the content", "/it", "Content-Encoding: aws-chunked", 415],
    ["chunks within a coding", "/it", "Content-Encoding: gzip,AWS-Chunked", 415],
    ["an encoding of mail", "/it", "Content-Transfer-Encoding: base64", 415],
    ["a form", "/it", "Content-Type: Multipart/Form-Data; boundary=x", 415],
    ["parts in a wrapper", "/it", "Content-Type: multipart/byteranges; boundary=x", 415],
    ["a later part of a resumable upload", "/it", "Upload-Complete: ?1\r\nUpload-Offset: 100", 400],
    ["what is not a boolean of one", "/it", "Upload-Complete: yes", 400],
    ["an offset", "/it", "upload-offset: 100", 400],
    ["a tus request", "/it", "Tus-Resumable: 1.0.0", 400],
    ["a part of Google's", "/it", "X-Upload-Content-Length: 100", 400],
    ["a part of ownCloud's", "/it", "OC-Chunked: 1", 400],
    ["a part by Range", "/it", "Range: bytes=0-1", 400],
    ["a part by Content-Range", "/it", "Content-Range: bytes 0-1/9", 400],
    ["another method", "/it", "X-HTTP-Method-Override: DELETE", 400],
    ["another method, in another spelling", "/it", "x-http-method: PATCH", 400],
    ["a precondition of WebDAV", "/it", 'If: (["etag"])', 400],
    ["a precondition of CalDAV", "/it", 'If-Schedule-Tag-Match: "x"', 400],
    ["a copy in S3", "/it", "x-amz-copy-source: /bucket/key", 400],
    ["signed chunks", "/it", "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER", 400],
    ["a length before chunks", "/it", "X-Amz-Decoded-Content-Length: 19", 400],
    ["a place to append to", "/it", "x-amz-write-offset-bytes: 19", 400],
    ["a copy in Azure", "/it", "x-ms-copy-source: https://host/key", 400],
    ["a block list in Azure", "/it", "x-ms-blob-type: AppendBlob", 400],
  ];

  test.each(rows)("%s", async (_what, target, field, status) => {
    const { port, store } = await via.handle();
    for (const method of ["PUT", "POST"]) {
      const answer = await via.exchange(
        port,
        request(`${method} ${target}`, field === undefined ? sized : [...sized, field], content),
      );
      expect([answer.status, answer.json["status"]]).toEqual([status, status]);
    }
    expect(await readObject(store, "it")).toBeUndefined();
  });

  test.each([
    "Content-Encoding: identity",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: multipart/mixed; boundary=x",
    'If-Range: "x"',
    "x-amz-content-sha256: UNSIGNED-PAYLOAD",
    "x-amz-sdk-checksum-algorithm: CRC32",
    "X-Amz-Cf-Id: added-by-cloudfront",
    "x-ms-blob-type: BlockBlob",
    "x-goog-meta-hash: md5=AAAA",
  ])("%s asks for nothing more, and is accepted", async (field) => {
    const { port, store } = await via.handle();
    expect((await via.exchange(port, request("PUT /it", [...sized, field], content))).status).toBe(201);
    expect(await readObject(store, "it")).toEqual(content);
  });

  test("a read ignores a query", async () => {
    const { port } = await via.handle();
    await via.exchange(port, request("PUT /it", sized, content));
    expect((await via.exchange(port, request("GET /it?v=1"))).message.body).toEqual(content);
  });
});

test.each(["gzip, chunked", "identity, chunked", "chunked;q=1"])(
  "Transfer-Encoding: %s is not implemented: 501",
  async (coding) => {
    const { port, store } = await handle();
    const [head, ...body] = upload("/it").toString().split("\r\n\r\n");
    const coded = [head!.replace("Transfer-Encoding: chunked", `Transfer-Encoding: ${coding}`), ...body].join(
      "\r\n\r\n",
    );
    const answer = await exchange(port, Buffer.from(coded));
    // What Node's parser does not take for chunked it refuses on its own.
    expect([400, 501]).toContain(answer.status);
    expect(await readObject(store, "it")).toBeUndefined();
  },
);

test("an unsupported transfer coding before chunked is not implemented: 501", async () => {
  const { port } = await handle();
  const coded = upload("/it").toString().replace("Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked");
  expect((await exchange(port, Buffer.from(coded))).status).toBe(501);
});

test("a query in a target in absolute form is refused: 400", async () => {
  const { port } = await handle();
  expect((await exchange(port, request("PUT http://host/it?uploads", sized, content))).status).toBe(400);
});

test("a refused content coding is answered with those that are accepted", async () => {
  const { port } = await handle();
  const answer = await exchange(port, request("PUT /it", [...sized, "Content-Encoding: aws-chunked"], content));
  expect([answer.status, answer.field("Accept-Encoding")]).toEqual([415, "*, aws-chunked;q=0"]);
  expect(answer.json["detail"]).toContain("content-encoding: aws-chunked");
});
