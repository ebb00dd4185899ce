import { describe, expect, test } from "vitest";

import { type Target, Targets, targetUrls } from "../src/origin/targets.ts";

const urls = targetUrls(["http://a", "http://b", "http://c"]);
const nobody: readonly Target[] = [];
const host = (target: Target | undefined): string => target?.base.origin.replace("http://", "") ?? "";

describe("several targets", () => {
  test("take turns", () => {
    const targets = new Targets(urls);
    const chosen = Array.from({ length: 7 }, () => host(targets.choose(nobody)));
    expect(chosen).toEqual(["a", "b", "c", "a", "b", "c", "a"]);
  });

  test("are chosen by the fewest requests under way, in turn where they have as many", () => {
    const targets = new Targets(urls, "least-connections");
    const take = (): Target => {
      const target = targets.choose(nobody)!;
      target.active += 1;
      return target;
    };
    const first = [take(), take(), take()];
    expect(first.map(host).toSorted()).toEqual(["a", "b", "c"]);
    first[1]!.active = 0;
    expect(take()).toBe(first[1]);
    first[2]!.active = 0;
    expect(take()).toBe(first[2]);
  });

  test("are not asked twice for one request", () => {
    const targets = new Targets(urls);
    const tried: Target[] = [];
    for (let turn = 0; turn < 3; turn += 1) tried.push(targets.choose(tried)!);
    expect(tried.length).toBe(3);
    expect(targets.choose(tried)).toBeUndefined();
  });

  test("lose one that has failed so many times in a row, and no other", () => {
    const targets = new Targets(urls, "round-robin", { maxFailures: 2, ejectedFor: 60_000 });
    const [a, b] = [targets.choose(nobody)!, targets.choose(nobody)!];
    for (const target of [a, b, b, a]) {
      targets.failed(target);
      if (target === b) targets.succeeded(b);
    }
    const chosen = new Set(Array.from({ length: 12 }, () => host(targets.choose(nobody))));
    expect([...chosen].toSorted()).toEqual(["b", "c"]);
  });

  test("try one again when its time is over, and leave it out at the first failure then", async () => {
    const targets = new Targets(urls, "round-robin", { maxFailures: 2, ejectedFor: 20 });
    const a = targets.choose(nobody)!;
    const others = [targets.choose(nobody)!, targets.choose(nobody)!];
    targets.failed(a);
    expect(targets.choose(others)).toBe(a);
    targets.failed(a);
    await expect.poll(() => targets.choose(others), { interval: 5 }).toBe(a);
    const before = performance.now();
    targets.failed(a);
    expect(a.ejectedUntil).toBeGreaterThan(before);
    targets.succeeded(a);
    expect(targets.choose(others)).toBe(a);
  });

  test("that are all left out leave nobody to choose", () => {
    const targets = new Targets(urls, "least-connections", { maxFailures: 1, ejectedFor: 60_000 });
    for (let turn = 0; turn < 3; turn += 1) targets.failed(targets.choose(nobody)!);
    expect(targets.choose(nobody)).toBeUndefined();
  });
});

test("a single target is always chosen, however often it failed, and once for each request", () => {
  const targets = new Targets(targetUrls("http://a"), "round-robin", { maxFailures: 1 });
  const target = targets.choose(nobody)!;
  for (let turn = 0; turn < 5; turn += 1) targets.failed(target);
  expect(targets.choose(nobody)).toBe(target);
  expect(targets.choose([target])).toBeUndefined();
});
