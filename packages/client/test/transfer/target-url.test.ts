import { describe, expect, test } from "vitest";

import { download, targetUrl, upload } from "../../src/index.ts";
import { rejection } from "./peers.ts";

describe("a target URL", () => {
  test.each([
    ["http://host", "http://host/"],
    ["https://host:8443/a/../b?c#d", "https://host:8443/b?c#d"],
    ["HTTP://HOST/A", "http://host/A"],
    ["http://[::1]:8080/", "http://[::1]:8080/"],
    [" http://host/ ", "http://host/"],
    [new URL("https://host/x y"), "https://host/x%20y"],
  ])("may be %s", (given, href) => {
    expect(targetUrl(given).href).toBe(href);
  });

  test.each([
    ["host/file", '"host/file" has no scheme: write http://host/file or https://host/file'],
    ["localhost:8080/a", '"localhost:8080/a" has no scheme: write http://localhost:8080/a or https://localhost:8080/a'],
    ["127.0.0.1:8080", '"127.0.0.1:8080" has no scheme: write http://127.0.0.1:8080 or https://127.0.0.1:8080'],
    ["//host/a", '"//host/a" has no scheme: write http://host/a or https://host/a'],
    ["/tmp/file", '"/tmp/file" is not a valid URL: write something like https://host/path'],
    ["ftp://host/a", '"ftp://host/a" begins with ftp://: only http:// and https:// can be used'],
    ["file:///etc/passwd", '"file:///etc/passwd" begins with file://: only http:// and https:// can be used'],
    ["", '"" is not a valid URL: write something like https://host/path'],
    ["http://", '"http://" is not a valid URL: write something like https://host/path'],
    ["http://host:99999/", /is not a valid URL/],
    ["http://ho st/", /is not a valid URL/],
    ["https://[::1/", /is not a valid URL/],
    [new URL("data:text/plain,x"), /is not a valid URL/],
  ])("may not be %s, and a sentence says what to write", (given, sentence) => {
    expect(() => targetUrl(given)).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(() => targetUrl(given)).toThrow(sentence);
  });

  test.each(["http://user:secret@host/", "https://user@host/", "https://:secret@host/", "user:secret@host/"])(
    "may hold no credentials, and they are not repeated: %s",
    (given) => {
      let message = "";
      try {
        targetUrl(given);
      } catch (error) {
        ({ message } = error as Error);
      }
      expect(message).toBe("the URL of host holds a user name: send an Authorization header instead");
    },
  );

  test.each([
    "ftp://host/?sig=secret",
    "host/?sig=secret",
    "http://:99999/?sig=secret",
    "http://user:secret@:9/#secret",
  ])("is not repeated with what may be secret in it: %s", (given) => {
    expect(() => targetUrl(given)).toThrow(expect.objectContaining({ message: expect.not.stringContaining("secret") }));
  });

  test("is looked at before the source and the destination", async () => {
    expect((await rejection(upload("nowhere", "/nowhere/at/all"))).code).toBe("USAGE");
    expect((await rejection(download("nowhere", "/nowhere/at/all"))).code).toBe("USAGE");
  });
});
