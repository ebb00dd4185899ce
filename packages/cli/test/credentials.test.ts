import { expect, test } from "vitest";

import { accessOptions, accessWarnings } from "../src/flags/access-flags.ts";
import { authorizedTarget } from "../src/flags/credentials.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const open = { readOnly: false, writeOnly: false, listing: true, dotfiles: false };

test.each([
  ["http://zo%C3%AB:p%40ss:w%3Ard@host/a?b", {}, "http://host/a?b", `Basic ${base64("zoë:p@ss:w:rd")}`],
  ["http://ann@host/", {}, "http://host/", `Basic ${base64("ann:")}`],
  ["http://host/a", { auth: "zoe\u0308:" }, "http://host/a", `Basic ${base64("zoë:")}`],
  ["http://host/a", { token: "t0k==" }, "http://host/a", "Bearer t0k=="],
])("%s with %j asks as it should", (given, flags, target, value) => {
  expect(authorizedTarget(given, flags)).toEqual({ target, authorization: [["Authorization", value]] });
});

test.each(["http://host/a@b", "host/a", "ftp://a:b@host/"])("%s is left as it is", (given) => {
  expect(authorizedTarget(given, {})).toEqual({ target: given, authorization: [] });
});

test.each([
  ["http://a:secret@host/a", { token: "t" }, "twice"],
  ["http://host/a", { auth: "a:secret", header: ["authorization : Basic x"] }, "twice"],
  ["http://host/a", { auth: "a:secret", token: "t" }, "twice"],
  ["http://host/a", { auth: "secret" }, "user:password"],
  ["http://host/a", { auth: "a:secret\n" }, "user:password"],
  ["http://host/a", { token: "secret words" }, "a token may have"],
  ["http://%ff:secret@host/a", {}, "percent-encoded UTF-8"],
])("%s with %j is refused, and not repeated", (given, flags, reason) => {
  expect(() => authorizedTarget(given, flags)).toThrow(expect.objectContaining({ code: "USAGE" }));
  expect(() => authorizedTarget(given, flags)).toThrow(reason);
  expect(() => authorizedTarget(given, flags)).not.toThrow("secret");
});

test.each([
  [{ token: ["two words"] }, "a token may have"],
  [{ readOnly: true, writeOnly: true }, "exclude each other"],
])("serve with %j is refused", async (flags, reason) => {
  await expect(accessOptions({ ...open, ...flags }, new AbortController().signal)).rejects.toThrow(reason);
});

test.each([
  ["http://127.0.0.1:80", {}, []],
  ["http://[::1]:80", {}, []],
  ["http://localhost:80", {}, []],
  ["http://0.0.0.0:80", {}, [expect.stringContaining("can read and write here")]],
  ["https://host:80", { readOnly: true }, [expect.stringContaining("can read here")]],
  ["http://[::]:80", { writeOnly: true }, [expect.stringContaining("can write here")]],
  ["http://host:80", { authFile: "x" }, [expect.stringContaining("in cleartext")]],
  ["https://host:80", { auth: ["a:b"] }, []],
])("serve on %s with %j warns of what it should", (url, flags, warnings) => {
  expect(accessWarnings({ ...open, ...flags }, url)).toEqual(warnings);
});
