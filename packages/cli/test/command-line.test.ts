import { expect, test } from "vitest";

import { readCommandLine } from "../src/flags/command-line.ts";
import type { Flags } from "../src/flags/flag.ts";

const flags: Flags = {
  method: { alias: "X", describe: "" },
  header: { alias: "H", array: true, describe: "" },
  jobs: { type: "number", describe: "" },
  md5: { type: "boolean", default: true, describe: "" },
  quiet: { alias: "q", type: "boolean", describe: "" },
  verbose: { alias: "v", type: "count", describe: "" },
};

test.each([
  [["a", "-", "b"], {}, ["a", "-", "b"]],
  [["-q", "a", "--", "-q", "--", "-"], { quiet: true }, ["a", "-q", "--", "-"]],
  [["-XPUT", "-vqv"], { method: "PUT", verbose: 2, quiet: true }, []],
  [["-qX", "PUT", "a"], { method: "PUT", quiet: true }, ["a"]],
  [["--method", "-", "--jobs", "-1"], { method: "-", jobs: -1 }, []],
  [["--method=-X", "--jobs=x"], { method: "-X", jobs: Number.NaN }, []],
  [["-H", "a: b", "--header=c: d", "e"], { header: ["a: b", "c: d"] }, ["e"]],
  [["--no-md5", "--quiet=false"], { md5: false, quiet: false }, []],
  [["--method", ""], { method: "" }, []],
  [["--no-md5=false"], { md5: true }, []],
] as const)("%j is read as %j and %j", (args, given, operands) => {
  const line = readCommandLine(args, flags);
  expect(Object.fromEntries(line.flags)).toEqual(given);
  expect(line.operands).toEqual(operands);
});

test.each([
  [["--method"], "a value must follow --method"],
  [["-X", "-q"], "a value must follow --method"],
  [["--jobs", " "], "a value must follow --jobs"],
  [["--jobs", "1", "--jobs=2"], "--jobs was given more than once: give it once"],
  [["--no-method"], "--method cannot be turned off: give it a value"],
  [["--verbose=2"], "--verbose takes no value: repeat it for more"],
  [["--quiet=1"], '--quiet cannot be "1": it takes no value'],
  [["--no-quite"], "unknown flag --no-quite"],
  [["--toString"], "unknown flag --toString"],
  [["-qz"], "unknown flag -z"],
  [["--__proto__", "x"], "unknown flag"],
  [["--_", "x"], "unknown flag"],
  [["--md5", "--no-md5"], "--md5 was given more than once: give it once"],
])("%j is an error", (args, message) => {
  expect(() => readCommandLine(args, flags)).toThrow(message);
});
