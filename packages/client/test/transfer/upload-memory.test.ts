import { rawServer, until } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { upload } from "../../src/index.ts";
import { rejection } from "./peers.ts";

const MiB = 1024 * 1024;

test("an upload asks an endless source for no more than a server takes that does not read", async () => {
  const server = await rawServer((connection) => void connection.socket.pause());
  let given = 0;
  let returned = false;
  function* endless(): Generator<Uint8Array> {
    try {
      for (;;) {
        given += 65_536;
        yield Buffer.alloc(65_536);
      }
    } finally {
      returned = true;
    }
  }
  const controller = new AbortController();
  const uploaded = rejection(upload(server.origin, endless(), { delivery: "trailers", signal: controller.signal }));
  let before = 0;
  let polls = 0;
  const standsStill = (): boolean => {
    polls = given > 0 && given === before ? polls + 1 : 0;
    before = given;
    return polls === 20;
  };
  await until(standsStill, () => `the source was read to ${given}`);
  // What lies in between are the buffers of two sockets, which the system chooses.
  expect(given).toBeLessThan(32 * MiB);
  controller.abort();
  expect((await uploaded).code).toBe("ABORTED");
  expect(returned).toBe(true);
});
