import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { cases } from "../src/cases/index.ts";
import type { ConformanceCase, Setup } from "../src/conformance-case.ts";
import { freePort } from "../src/free-port.ts";
import { type RunningProxy, startOwnProxy } from "../src/own-proxy.ts";
import { runCase } from "../src/run-case.ts";
import { type ScriptedOrigin, startOrigin } from "../src/scripted-origin.ts";

let origin: ScriptedOrigin;
const proxies = new Map<Setup, RunningProxy>();

beforeAll(async () => {
  origin = await startOrigin();
  const nobody = await freePort();
  for (const setup of new Set(cases.map((one) => one.setup))) {
    proxies.set(setup, await startOwnProxy(setup === "down" ? nobody : origin.port, setup));
  }
});

afterAll(async () => {
  await Promise.all([...proxies.values()].map((proxy) => proxy.stop()));
  await origin.close();
});

/** What a case comes to: what went wrong, or this. */
const KEPT = "kept";

async function play(given: ConformanceCase): Promise<string> {
  const { port } = proxies.get(given.setup)!;
  return (await runCase(given, { proxy: { host: "127.0.0.1", port }, origin, timeout: 5_000 })) ?? KEPT;
}

/** What this proxy does not do, and why. A case that turns out to be kept after all fails here. */
const LIMITS: Readonly<Record<string, string>> = {
  "targets/method-unknown": "Node's parser refuses methods that are not on its list",
};

const together = cases.filter(({ id, alone }) => !alone && !(id in LIMITS));

describe.concurrent("together", () => {
  for (const one of together) {
    test(`${one.id}: ${one.title} (${one.rules.join(", ")})`, async () => {
      expect(await play(one)).toBe(KEPT);
    });
  }
});

describe("one by one", () => {
  for (const one of cases.filter(({ alone }) => alone)) {
    test(`${one.id}: ${one.title} (${one.rules.join(", ")})`, async () => {
      expect(await play(one)).toBe(KEPT);
    });
  }
});

describe("not yet", () => {
  test.for(Object.entries(LIMITS))("%s: %s", async ([id]) => {
    expect(await play(cases.find((one) => one.id === id)!)).not.toBe(KEPT);
  });
});

test("no two cases have the same id", () => {
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
});
