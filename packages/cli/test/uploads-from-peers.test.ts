import { beforeAll, describe, expect, test } from "vitest";

import { serve } from "./support/serving.ts";
import { buildGoPeers } from "./support/go-peers.ts";
import { peers } from "./support/peers.ts";
import { type TrailerCaseName, trailerCases } from "./support/trailer-case.ts";

const registered = "https://iana.org/assignments/http-problem-types";

/** What `trailsum serve` answers to each case: the status, and the verdict or the type of the problem. */
const answers: Readonly<Record<TrailerCaseName, readonly [status: number, is: string]>> = {
  "digest and size": [201, "verified"],
  "a wrong digest": [400, `${registered}#digest-mismatched-values`],
  "a wrong size": [400, "urn:trailsum:problem:size-mismatched"],
  "a digest announced and missing": [400, "urn:trailsum:problem:digest-missing"],
  "a size announced and missing": [400, "urn:trailsum:problem:digest-missing"],
  "both announced and missing": [400, "urn:trailsum:problem:digest-missing"],
  "digest and size, unannounced": [201, "verified"],
  "no trailers at all": [400, "urn:trailsum:problem:digest-required"],
};

describe.each(peers)("$name uploads to trailsum serve", ({ present, send }) => {
  beforeAll(() => (present ? buildGoPeers() : undefined));

  test.skipIf(!present)("what is right is stored, and nothing else can be seen", async () => {
    const { url, visible, staged } = await serve();
    const reported: Record<string, readonly [number, string | undefined]> = {};
    for (const [name, trailers] of Object.entries(trailerCases)) {
      const { status, body } = await send(`${url}/${encodeURIComponent(name)}`, trailers);
      const { type, verdict } = JSON.parse(body) as { type?: string; verdict?: string };
      reported[name] = [status, type ?? verdict];
    }
    expect(reported).toEqual(answers);
    expect(await visible()).toEqual(["digest and size", "digest and size, unannounced"]);
    expect(await staged()).toEqual([]);
  });

  test.skipIf(!present)("with --require md5,size and --allow-unverified, what is required has to come", async () => {
    const { url, visible } = await serve(["--require", "md5,size", "--allow-unverified"]);
    const statuses: Record<string, number> = {};
    for (const [name, trailers] of Object.entries(trailerCases)) {
      statuses[name] = (await send(`${url}/${encodeURIComponent(name)}`, trailers)).status;
    }
    expect(Object.keys(statuses).filter((name) => statuses[name] === 201)).toEqual(await visible());
    expect(await visible()).toEqual(["digest and size", "digest and size, unannounced"]);
  });

  test.skipIf(!present)("with --allow-unverified a bare upload is stored, and reported as unverified", async () => {
    const { url, visible } = await serve(["--allow-unverified"]);
    const { status, body } = await send(`${url}/bare`, trailerCases["no trailers at all"]);
    expect([status, JSON.parse(body)]).toMatchObject([201, { verdict: "unverified", verifiedBy: [] }]);
    // What comes is checked all the same.
    expect((await send(`${url}/wrong`, trailerCases["a wrong digest"])).status).toBe(400);
    expect(await visible()).toEqual(["bare"]);
  });
});
