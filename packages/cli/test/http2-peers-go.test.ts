import { certificate, goToolchain, startTrailsum } from "@trailsum/testkit";
import { beforeAll, describe, expect, test } from "vitest";

import { content, md5 } from "./support/content.ts";
import { buildGoPeers, fetchWithGo, sendWithGo, serveWithGo } from "./support/go-peers.ts";
import { serve } from "./support/serving.ts";
import { type TrailerCaseName, trailerCases } from "./support/trailer-case.ts";

const present = (await goToolchain()) !== undefined;
const go = present ? "Go's net/http" : "Go's net/http (skipped: there is no Go toolchain here)";

const protocols = ["HTTP/2.0", "HTTP/1.1"] as const;
const ways = [
  ...protocols.flatMap((client) =>
    protocols.map((server) => ({ client, server, proxied: true, name: "through trailsum proxy" })),
  ),
  // The same two with nothing in between: what is said of them holds of the others.
  { client: "HTTP/2.0", server: "HTTP/2.0", proxied: false, name: "directly" },
] as const;

const speaking = (protocol: (typeof protocols)[number]): string[] => (protocol === "HTTP/1.1" ? ["-http1"] : []);

/** Starts Go's server over TLS, and the proxy where one is asked for. */
async function open({ server, proxied }: (typeof ways)[number]): Promise<{
  url: string;
  ca: string;
  seen: Awaited<ReturnType<typeof serveWithGo>>["seen"];
}> {
  const { certFile, keyFile } = await (await certificate()).files();
  const { origin, seen } = await serveWithGo([`-cert=${certFile}`, `-key=${keyFile}`, ...speaking(server)]);
  if (!proxied) return { url: origin, ca: `-ca=${certFile}`, seen };
  const { url } = await startTrailsum(["proxy", origin, "--port", "0", "--tls-cert", certFile, "--tls-key", keyFile], {
    env: { NODE_EXTRA_CA_CERTS: certFile },
  });
  return { url, ca: `-ca=${certFile}`, seen };
}

describe.each(ways)(`${go}: a client of $client, $name, and a server of $server`, (way) => {
  beforeAll(() => (present ? buildGoPeers() : undefined));

  test.skipIf(!present)("agree on what was sent by the trailers of the request, and of the response", async () => {
    const { url, ca, seen } = await open(way);
    const flags = [ca, ...speaking(way.client)];
    const right = await sendWithGo(`${url}/it`, trailerCases["digest and size"], flags);
    expect([right.status, right.body, right.protocol]).toEqual([200, "checked\n", way.client]);
    expect(await seen()).toMatchObject([
      {
        protocol: way.server,
        announced: ["Md5", "Size"],
        trailers: { Md5: md5(content), Size: String(content.length) },
        size: content.length,
        digest: md5(content),
      },
    ]);
    expect((await sendWithGo(`${url}/it`, trailerCases["a wrong digest"], flags)).status).toBe(400);
    for (const announced of [true, false]) {
      const fetched = await fetchWithGo(`${url}/it?md5=right&size=right&announced=${announced}`, flags);
      expect(fetched).toEqual({
        status: 200,
        body: content.toString(),
        protocol: way.client,
        trailers: { Md5: md5(content), Size: String(content.length) },
      });
    }
  });
});

/** What `trailsum serve` answers over HTTP/2: the same as over HTTP/1.1. */
const answers: Readonly<Record<TrailerCaseName, number>> = {
  "digest and size": 201,
  "a wrong digest": 400,
  "a wrong size": 400,
  "a digest announced and missing": 400,
  "a size announced and missing": 400,
  "both announced and missing": 400,
  "digest and size, unannounced": 201,
  "no trailers at all": 400,
};

describe(`${go}: a client of HTTP/2 and trailsum serve`, () => {
  beforeAll(() => (present ? buildGoPeers() : undefined));

  test.skipIf(!present)("agree on what is kept, and what is fetched", async () => {
    const { certFile, keyFile } = await (await certificate()).files();
    const { url, visible } = await serve(["--tls-cert", certFile, "--tls-key", keyFile]);
    const reported: Record<string, number> = {};
    for (const [name, trailers] of Object.entries(trailerCases)) {
      const answer = await sendWithGo(`${url}/${encodeURIComponent(name)}`, trailers, [`-ca=${certFile}`]);
      expect(answer.protocol).toBe("HTTP/2.0");
      reported[name] = answer.status;
    }
    expect(reported).toEqual(answers);
    expect(await visible()).toEqual(["digest and size", "digest and size, unannounced"]);
    const fetched = await fetchWithGo(`${url}/digest%20and%20size`, [`-ca=${certFile}`]);
    expect(fetched).toMatchObject({ status: 200, body: content.toString(), protocol: "HTTP/2.0" });
    expect(fetched.trailers).toEqual({ Md5: md5(content), Size: String(content.length) });
  });
});
