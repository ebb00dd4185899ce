import { assert, asyncProperty, integer, property, string, uniqueArray } from "fast-check";
import { expect, test } from "vitest";

import { byteOrderKey, inByteOrder, keyAfter } from "../src/stores/byte-order.ts";

test("keys compare as the bytes of their texts do", () => {
  assert(
    property(string({ unit: "binary", maxLength: 4 }), string({ unit: "binary", maxLength: 4 }), (one, other) => {
      const bytes = Buffer.compare(Buffer.from(one), Buffer.from(other));
      const [first, second] = [byteOrderKey(one), byteOrderKey(other)];
      return Number(first > second) - Number(first < second) === bytes;
    }),
  );
});

test("entries come in order, whatever the size of a batch, from any key", async () => {
  const keys = uniqueArray(string({ maxLength: 3 }), { maxLength: 30 });
  await assert(
    asyncProperty(keys, integer({ min: 1, max: 10 }), string({ maxLength: 3 }), async (given, batch, after) => {
      const scan = async function* () {
        for (const key of given) yield { key };
      };
      const listed: string[] = [];
      for await (const { key } of inByteOrder(scan, keyAfter(after), batch)) listed.push(key);
      expect(listed).toEqual(given.filter((key) => key > after).toSorted((one, other) => (one < other ? -1 : 1)));
    }),
  );
});

test("a reader that takes the first entries causes one scan", async () => {
  let scans = 0;
  const scan = async function* () {
    scans += 1;
    for (let at = 999; at >= 0; at -= 1) yield { key: String(at).padStart(3, "0") };
  };
  const first: string[] = [];
  for await (const { key } of inByteOrder(scan, "", 10)) {
    first.push(key);
    if (first.length === 10) break;
  }
  expect([scans, first[0], first[9]]).toEqual([1, "000", "009"]);
});
