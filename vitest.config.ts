import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/**
 * Tests that share worker processes, and so load each package once for all files and not once for each: that halves their
 * processor time. They must not leave a fake clock, a spy or a changed environment in their process.
 */
const SHARING = ["packages/{client,http,shared}/test/**/*.test.ts"];

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: "sharing", include: SHARING, isolate: false } },
      {
        extends: true,
        test: {
          name: "isolated",
          include: ["packages/*/test/**/*.test.ts", "{testkit,conformance,bench,examples}/test/**/*.test.ts"],
          exclude: SHARING,
        },
      },
    ],
    // Child processes rather than worker threads: the tests spawn processes, raise signals and watch open handles.
    pool: "forks",
    // Most of them wait for processes and sockets, and leave a third of each core idle.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    // What is waited for comes when it comes: a busy machine is no failure.
    expect: { poll: { timeout: 15_000 } },
    testTimeout: 20_000,
    hookTimeout: 20_000,
    coverage: { provider: "v8", include: ["packages/*/src/**/*.ts"] },
  },
});
