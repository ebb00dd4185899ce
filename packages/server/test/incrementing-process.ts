// Run by shared-directory.test.ts: adds one to the number in an object, so many times, each time on condition that
// no one else has changed it, and exits with the number of times that someone had.
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { TrailsumError } from "@trailsum/shared";

import { createDirectoryStore, type ObjectVersion } from "../src/index.ts";
import { readObject } from "./peer.ts";
import { digestsOf } from "./store-contract.ts";

const [directory = "", times = "0"] = process.argv.slice(2);
const store = await createDirectoryStore({ directory });

async function increment(): Promise<boolean> {
  const before = (await readObject(store, "it"))!;
  const expected = (await digestsOf(before)).values.get("sha-256")!;
  const next = Buffer.from(String(Number(before) + 1));
  const check = (current: ObjectVersion | undefined): void => {
    if (current?.digests?.values.get("sha-256")?.equals(expected) !== true)
      throw new TrailsumError("PRECONDITION_FAILED", "someone else has changed it");
  };
  const staged = await store.stage("it");
  await pipeline(Readable.from([next]), staged.content);
  try {
    await staged.commit(await digestsOf(next), { condition: { needsDigest: true, check } });
    return true;
  } catch (error) {
    if (error instanceof TrailsumError && error.code === "PRECONDITION_FAILED") return false;
    throw error;
  }
}

for (let done = 0; done < Number(times);) if (await increment()) done += 1;
