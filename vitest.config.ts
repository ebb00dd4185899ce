import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "{testkit,conformance,bench}/test/**/*.test.ts"],
    // Child processes rather than worker threads: the tests spawn processes, raise signals and watch open handles.
    pool: "forks",
    // Most of them wait for processes and sockets; the default leaves one of two cores idle.
    maxWorkers: "100%",
    // What is waited for comes when it comes: a busy machine is no failure.
    expect: { poll: { timeout: 15_000 } },
    testTimeout: 20_000,
    hookTimeout: 20_000,
    coverage: { provider: "v8", include: ["packages/*/src/**/*.ts"] },
  },
});
