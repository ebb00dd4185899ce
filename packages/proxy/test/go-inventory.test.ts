import { readdir, readFile } from "node:fs/promises";

import { expect, test } from "vitest";

/** Tests of Go's reverseproxy_test.go that have no counterpart here, and why. */
const DO_NOT_APPLY: Readonly<Record<number, string>> = {
  10: "TestReverseProxy_AllocatedHeader: fields are a list that is never nil",
  22: "TestReverseProxyGetPutBuffer: there is no BufferPool; content is forwarded in the pieces in which it came",
  32: "TestReverseProxyResponseControllerFlushInterval: no wrapped writer hides a flush method",
  38: "TestReverseProxyUpgradeNoCloseWrite: a hook cannot replace the connection that a tunnel goes to",
};

test("every one of Go's 42 tests has a counterpart in these files, or a reason why it does not apply", async () => {
  const directory = new URL(".", import.meta.url);
  const files = (await readdir(directory)).filter((name) => name.endsWith(".test.ts"));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, directory), "utf8")));
  const covered = new Set<number>();
  for (const [, first, word, last] of texts.join("\n").matchAll(/"Go (\d+)(?: (and|to) (\d+))?[,:]/g)) {
    const [from, to] = [Number(first), Number(last ?? first)];
    if (word === "to") for (let number = from; number <= to; number += 1) covered.add(number);
    else covered.add(from).add(to);
  }
  const missing = Array.from({ length: 42 }, (_, at) => at + 1).filter((number) => !covered.has(number));
  expect(missing).toEqual(Object.keys(DO_NOT_APPLY).map(Number));
});
