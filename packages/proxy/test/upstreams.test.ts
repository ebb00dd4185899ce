import { describe, expect, test } from "vitest";

import { type Upstream, type UpstreamAttempt, Upstreams, upstreamUrls } from "../src/upstream/upstreams.ts";

const urls = upstreamUrls(["http://a", "http://b", "http://c"]);
const host = (attempt: UpstreamAttempt | undefined): string =>
  attempt?.upstream.base.origin.replace("http://", "") ?? "none";

/** Where a request goes that ends at once. */
function ask(targets: Upstreams, tried: readonly Upstream[] = []): string {
  const attempt = targets.attempt(tried);
  attempt?.end();
  return host(attempt);
}

/** The hosts that so many requests go to. */
const asked = (targets: Upstreams, times: number): string[] => Array.from({ length: times }, () => ask(targets));

/** One attempt at each, by name. */
function attemptEach(targets: Upstreams): Record<string, UpstreamAttempt> {
  const tried: Upstream[] = [];
  return Object.fromEntries(
    urls.map(() => {
      const attempt = targets.attempt(tried)!;
      tried.push(attempt.upstream);
      return [host(attempt), attempt];
    }),
  );
}

/** Fails to connect to this one, so many times. */
function fail(targets: Upstreams, name: string, times: number): void {
  for (let time = 0; time < times; time += 1) {
    const attempts = attemptEach(targets);
    attempts[name]!.unreachable();
    for (const attempt of Object.values(attempts)) attempt.end();
  }
}

describe("several targets", () => {
  test("take turns", () => {
    expect(asked(new Upstreams(urls), 7)).toEqual(["a", "b", "c", "a", "b", "c", "a"]);
  });

  test("are chosen by the fewest requests under way, in turn where they have as many", () => {
    const targets = new Upstreams(urls, "least-connections");
    const first = [targets.attempt([])!, targets.attempt([])!, targets.attempt([])!];
    expect(first.map(host).toSorted()).toEqual(["a", "b", "c"]);
    first[1]!.end();
    expect(targets.attempt([])!.upstream).toBe(first[1]!.upstream);
    first[2]!.end();
    first[2]!.end();
    expect(targets.attempt([])!.upstream).toBe(first[2]!.upstream);
  });

  test("are not asked twice for one request", () => {
    const targets = new Upstreams(urls);
    const attempts = Object.values(attemptEach(targets));
    expect(attempts.length).toBe(3);
    expect(targets.attempt(attempts.map(({ upstream }) => upstream))).toBeUndefined();
  });

  test("lose one that could not be connected to so many times in a row, and no other", () => {
    const targets = new Upstreams(urls, "round-robin", { maxFailures: 2, ejectedFor: 60_000 });
    fail(targets, "a", 1);
    fail(targets, "b", 1);
    const { b } = attemptEach(targets);
    b!.reached();
    b!.end();
    fail(targets, "b", 1);
    fail(targets, "a", 1);
    expect(new Set(asked(targets, 12))).toEqual(new Set(["b", "c"]));
  });

  test("lose none by requests that reached it, or ended before that was known", () => {
    const targets = new Upstreams(urls, "round-robin", { maxFailures: 1, ejectedFor: 60_000 });
    for (let turn = 0; turn < 6; turn += 1) {
      const attempt = targets.attempt([])!;
      if (turn % 2 === 0) attempt.reached();
      attempt.end();
      attempt.unreachable();
    }
    expect(new Set(asked(targets, 3))).toEqual(new Set(["a", "b", "c"]));
  });

  test("have one that failed probed by one request at a time", () => {
    const targets = new Upstreams(urls);
    fail(targets, "a", 1);
    const attempts = Array.from({ length: 9 }, () => targets.attempt([])!);
    const probes = attempts.filter((attempt) => host(attempt) === "a");
    expect(probes.length).toBe(1);
    probes[0]!.reached();
    expect(new Set(asked(targets, 3))).toEqual(new Set(["a", "b", "c"]));
  });

  test("have a probe that ends undecided followed by another", () => {
    const targets = new Upstreams(urls);
    fail(targets, "a", 1);
    const probed = (): boolean => asked(targets, 3).includes("a");
    expect([probed(), probed()]).toEqual([true, true]);
  });

  test("try one again when its time is over, and leave it out at the first failure then", async () => {
    const targets = new Upstreams(urls, "round-robin", { maxFailures: 2, ejectedFor: 20 });
    fail(targets, "a", 2);
    expect(asked(targets, 3)).not.toContain("a");
    await expect.poll(() => asked(targets, 3), { interval: 5 }).toContain("a");
    fail(targets, "a", 1);
    expect(asked(targets, 3)).not.toContain("a");
    const { a } = attemptEach(targets);
    a!.reached();
    expect(asked(targets, 3)).toContain("a");
  });

  test("that are all left out are used all the same", () => {
    const targets = new Upstreams(urls, "least-connections", { maxFailures: 1, ejectedFor: 60_000 });
    for (const name of ["a", "b", "c"]) fail(targets, name, 1);
    const first = attemptEach(targets);
    expect(Object.keys(first).toSorted()).toEqual(["a", "b", "c"]);
    first["b"]!.reached();
    expect(new Set(asked(targets, 6))).toEqual(new Set(["b"]));
  });
});

test("a single target is always chosen, however often it failed, and once for each request", () => {
  const targets = new Upstreams(upstreamUrls("http://a"), "round-robin", { maxFailures: 1 });
  for (let turn = 0; turn < 5; turn += 1) {
    const attempt = targets.attempt([])!;
    attempt.unreachable();
    attempt.end();
  }
  expect(ask(targets)).toBe("a");
  const held = targets.attempt([])!;
  expect([ask(targets), targets.attempt([held.upstream])]).toEqual(["a", undefined]);
});
