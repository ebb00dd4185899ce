import { rawHttp2Client, requestFields, echoServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { proxyServer } from "./peers.ts";

// nghttp2 looks at paths of http and https on its own, and at no others.
test.each(["http", "ftp"])(
  "a request of HTTP/2 of the scheme %s, whose :path is absent, reaches no origin",
  async (scheme) => {
    const origin = await echoServer();
    const { port, records } = await proxyServer({ target: origin.origin });
    for (const path of ["x", "http://other.example/x", "https://other.example", "/\u007f", "/a b"]) {
      const peer = await rawHttp2Client(port);
      const fields = requestFields("GET", path).map(([name, value]): [string, string] => [
        name,
        name === ":scheme" ? scheme : value,
      ]);
      const stream = await peer.request(fields, { endStream: true });
      await stream.untilEnd().catch(() => {});
      expect(stream.status ?? 400).toBe(400);
      peer.connection.destroy();
    }
    expect(records.filter((record) => record.origin !== undefined)).toEqual([]);
  },
);
