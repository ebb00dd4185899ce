import { tempDir, trailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

const url = "http://127.0.0.1:1/x";

test.each([
  [["probe", url, "--json"], 3, "CONNECT_FAILED"],
  [["upload", "--json"], 2, "USAGE"],
  [["upload", "it", url, "--json", "--jbos", "2"], 2, "USAGE"],
  [["download", url, "--json", "--cacert", "absent"], 5, "FILE_UNREADABLE"],
  [["verify", "absent", "--json"], 5, "FILE_UNREADABLE"],
])("%j prints one JSON object with the error", async (args, exit, code) => {
  const { exitCode, stdout, stderr } = await trailsum(args, { cwd: await tempDir() });
  expect(exitCode).toBe(exit);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
  expect(error.code).toBe(code);
  expect(stderr).toContain(error.message);
  expect(stdout.split("\n")).toHaveLength(2);
});
