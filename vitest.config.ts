import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/**
 * Tests that need a process of their own: they measure its heap, mock a module, or load what changes it for good. All others share worker
 * processes, and so load each package once for many files: that halves the processor time of most of them. They leave nothing
 * behind in their process: no fake clock, no changed environment; spies are put back here.
 */
const ISOLATED = [
  "{bench,examples}/test/**/*.test.ts",
  "packages/**/http2-cancelled-*.test.ts",
  "packages/client/test/http2/cancelled-streams.test.ts",
  "packages/files/test/sync-directory.test.ts",
];

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: "isolated", include: ISOLATED } },
      {
        extends: true,
        test: {
          name: "sharing",
          include: ["{packages/*,testkit,conformance}/test/**/*.test.ts"],
          exclude: ISOLATED,
          isolate: false,
        },
      },
    ],
    restoreMocks: true,
    // Child processes rather than worker threads: the tests spawn processes, raise signals and watch open handles.
    pool: "forks",
    // Most of them wait for processes and sockets, and leave a third of each core idle.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    // The tests start hundreds of processes, and half of each start was compiling the same files.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/trailsum-compiled", import.meta.url)) },
    // What is waited for comes when it comes: a busy machine is no failure. Tests wait less long than their runner does.
    expect: { poll: { timeout: 45_000 } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    coverage: { provider: "v8", include: ["packages/*/src/**/*.ts"] },
  },
});
