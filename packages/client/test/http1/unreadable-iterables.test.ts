import { rawServer } from "@trailsum/testkit";
import { request } from "undici";
import { expect, onTestFinished, test } from "vitest";

import { TrailerAgent } from "../../src/index.ts";

const broken = new Error("no iterator");

function locked(): ReadableStream {
  const stream = ReadableStream.from(["some"]);
  stream.getReader();
  return stream;
}

test.each([
  ["is a locked stream", locked, "locked"],
  [
    "throws when it is asked for its iterator",
    () => ({
      [Symbol.asyncIterator]: () => {
        throw broken;
      },
    }),
    "no iterator",
  ],
])("a request whose body %s fails, and nothing else does", async (_what, make, message) => {
  const server = await rawServer(async (connection) => void (await connection.readToEnd()));
  const dispatcher = new TrailerAgent();
  onTestFinished(() => dispatcher.destroy());
  const sent = request(server.origin, { dispatcher, method: "PUT", body: make() as unknown as string });
  await expect(sent).rejects.toThrow(message);
});
