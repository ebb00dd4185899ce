import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { parseHttpDate } from "../src/http-date.ts";

describe("an HTTP-date", () => {
  // RFC 9110 section 5.6.7 gives these three.
  test.each(["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])(
    "%s is read",
    (text) => {
      expect(parseHttpDate(text)).toEqual(new Date(Date.UTC(1994, 10, 6, 8, 49, 37)));
    },
  );

  test.each([
    ["Friday, 31-Dec-76 23:59:59 GMT", 2026, 2076],
    ["Friday, 31-Dec-77 23:59:59 GMT", 2026, 1977],
    ["Friday, 01-Jan-00 00:00:00 GMT", 1999, 2000],
  ])("%s, read in %i, is of %i", (text, now, year) => {
    expect(parseHttpDate(text, new Date(Date.UTC(now, 5)))?.getUTCFullYear()).toBe(year);
  });

  test.each([
    "",
    "0",
    "now",
    "2026-11-30T12:00:00Z",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "sun, 06 nov 1994 08:49:37 gmt",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 30 Feb 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
  ])("%j is not an HTTP-date", (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });

  test("as JavaScript writes it is read back, to the second", () => {
    const seconds = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) / 1000 });
    fc.assert(
      fc.property(seconds, (time) => {
        const date = new Date(time * 1000);
        expect(parseHttpDate(date.toUTCString())).toEqual(date);
      }),
    );
  });
});
